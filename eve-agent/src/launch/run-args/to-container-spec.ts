// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, HostConfig } from '../engine/container-spec.ts';
import type { FileContents } from './argument-files.ts';
import { RunArgumentsError } from './errors.ts';
import { bindSource, type HostPaths } from './host-paths.ts';
import type { RunArguments } from './parse.ts';

/** What of the host the arguments name. */
export interface ArgumentSources {
  readonly hostPaths: HostPaths;
  /** By `readArgumentFiles`. */
  readonly files: FileContents;
}

/** What was judged is what is mounted: a link that is laid anew in between leads nowhere else. */
function withRealPaths({ Binds, Mounts }: HostConfig, { real }: HostPaths): HostConfig {
  const realOf = (path: string) => {
    const found = real.get(path);
    if (found === undefined) throw new RangeError(`nobody looked where ${path} leads`);
    return found;
  };
  return {
    ...(Binds !== undefined && {
      Binds: Binds.map((bind) => {
        const source = bindSource(bind);
        return source === null ? bind : realOf(source) + bind.slice(source.length);
      }),
    }),
    ...(Mounts !== undefined && {
      Mounts: Mounts.map((mount) =>
        mount.Type === 'bind' ? { ...mount, Source: realOf(mount.Source ?? '') } : mount,
      ),
    }),
  };
}

const withoutTwice = (entries: readonly (readonly [string, string])[]) => [...new Map(entries)];

/**
 * The container that arguments describe.
 *
 * @param image its name at the engine
 * @throws RunArgumentsError where a path holds what `--volume` cannot say
 * @throws RangeError where a path was not looked up
 */
export function toContainerSpec(
  args: RunArguments,
  image: string,
  { hostPaths, files }: ArgumentSources,
): ContainerSpec {
  const { HostConfig: host, ...container } = args.container;
  for (const bind of host.Binds ?? []) {
    const source = bindSource(bind);
    if (source !== null && hostPaths.real.get(source)?.includes(':')) {
      throw new RunArgumentsError(
        'ARGUMENT_INVALID',
        '--volume',
        `--volume ${bind}: a link leads to a path with a colon; --mount can name it`,
      );
    }
  }
  const said = (container.Env ?? []).map((entry) => {
    const at = entry.indexOf('=');
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  });
  const env = withoutTwice([...files.env, ...said]);
  const labels = { ...Object.fromEntries(files.labels), ...container.Labels };
  const securityOptions = [...(host.SecurityOpt ?? []), ...files.securityOptions];
  return {
    ...container,
    Image: image,
    ...(env.length > 0 && { Env: env.map(([name, value]) => `${name}=${value}`) }),
    ...(Object.keys(labels).length > 0 && { Labels: labels }),
    HostConfig: {
      ...host,
      ...withRealPaths(host, hostPaths),
      ...(securityOptions.length > 0 && { SecurityOpt: securityOptions }),
    },
  };
}
