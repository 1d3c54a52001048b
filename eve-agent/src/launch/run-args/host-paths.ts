// SPDX-License-Identifier: Apache-2.0
import { basename, dirname } from 'node:path/posix';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { RunArgumentsError } from './errors.ts';
import { isWithin, normalizePath } from './grammar/paths.ts';
import type { RunArguments } from './parse.ts';

/** Where engines are spoken to; whoever does rules the host. */
const ENGINE_SOCKETS: readonly string[] = [
  '/run/docker.sock',
  '/var/run/docker.sock',
  '/run/containerd',
  '/run/docker/containerd',
  '/run/podman/podman.sock',
  '/run/crio/crio.sock',
];

/** What paths of the host really are; made by {@link lookUpHostPaths}. */
export interface HostPaths {
  /** Without links, by the path as it is written. */
  readonly real: ReadonlyMap<string, string>;
  /** Sockets of engines, and folders that hold them, without links. */
  readonly engineSockets: readonly string[];
}

/** Every host path that a container of these arguments would see, or that is read for it, as it is written. */
export function hostPathsOf({ container, files }: RunArguments): string[] {
  return [...new Set([...mountedPaths(container), ...files.map(({ path }) => path)])];
}

/** The source of `SOURCE:TARGET[:MODE]`; null: a volume. */
export function bindSource(bind: string): string | null {
  const [source = ''] = bind.split(':');
  return source.startsWith('/') ? source : null;
}

function mountedPaths({ HostConfig: host }: Omit<ContainerSpec, 'Image'>): string[] {
  return [
    ...(host.Binds ?? []).map(bindSource),
    ...(host.Mounts ?? []).map(({ Type, Source }) => (Type === 'bind' ? Source : null)),
  ].filter((path) => path !== null && path !== undefined);
}

type RealPath = (path: string) => Promise<string>;

/**
 * Follows all links of a path. Of what is not there yet, the engine makes folders: then those of the part that is there
 * count. `..` is taken off by the text alone, as the engine does.
 *
 * @throws what `realpath` throws but for what is not there
 */
async function followLinks(path: string, realpath: RealPath): Promise<string> {
  const missing: string[] = [];
  for (let known = normalizePath(path); ; known = dirname(known)) {
    try {
      const real = await realpath(known);
      return normalizePath(`${real}/${missing.join('/')}`);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT' || known === '/') throw error;
      missing.unshift(basename(known));
    }
  }
}

/**
 * Looks up where the host paths of arguments lead. Whoever asks must see the same file system as the engine.
 *
 * @param means `realpath` is that of the operating system, which fails with `ENOENT` for what is not there
 * @throws RunArgumentsError for a path that leads nowhere: through a file, in a circle
 */
export async function lookUpHostPaths(
  args: RunArguments,
  means: {
    readonly realpath: RealPath;
    readonly allowedHostPaths: readonly string[];
    /** Of the engine that is spoken to; null: it has none. */
    readonly engineSocket: string | null;
  },
): Promise<HostPaths> {
  const real = new Map<string, string>();
  for (const path of hostPathsOf(args)) {
    try {
      real.set(path, await followLinks(path, means.realpath));
    } catch (error) {
      throw new RunArgumentsError(
        'ARGUMENT_INVALID',
        null,
        `the path ${path} on the host leads nowhere: ${errorMessage(error)}`,
        error,
      );
    }
  }
  const sockets = [...ENGINE_SOCKETS, ...(means.engineSocket === null ? [] : [means.engineSocket])];
  for (const path of [...means.allowedHostPaths, ...sockets]) {
    real.set(path, await followLinks(path, means.realpath).catch(() => normalizePath(path)));
  }
  return { real, engineSockets: [...new Set(sockets.flatMap((path) => [path, real.get(path) ?? path]))] };
}

/** Whether who sees this path, which has no links, sees a socket of an engine. */
export const showsEngineSocket = (path: string, { engineSockets }: HostPaths): boolean =>
  engineSockets.some((socket) => isWithin(socket, path) || isWithin(path, socket));
