// SPDX-License-Identifier: Apache-2.0
/**
 * Arguments of deployments at a real engine: the container that Docker's own command makes of them, and the one that is
 * made of ours, are shown alike; what the engine refuses from one, it refuses from the other in the same words.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostPathsOf } from '../../eve-agent/src/launch/run-args/host-paths.ts';
import { parseRunArguments } from '../../eve-agent/src/launch/run-args/parse.ts';
import { toContainerSpec } from '../../eve-agent/src/launch/run-args/to-container-spec.ts';
import { createEngineClient, type EngineClient, EngineError } from '../../shared/src/engine/engine-client.ts';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { removeContainer } from '../lab/engine-views.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { startNewerDockerEngine } from '../lab/newer-docker-engine.ts';
import { describeWith, type Requirement } from '../requirements.ts';
import { TAKEN, TAKEN_BY_NEWER } from './run-arguments-cases.ts';

const IMAGE = 'ed_website:latest';
const { signal } = new AbortController();

interface Shown {
  readonly Id: string;
  readonly Name: string;
  readonly Config: Record<string, unknown>;
  readonly HostConfig: Record<string, unknown>;
  readonly Mounts: readonly Record<string, unknown>[];
  readonly NetworkSettings: { readonly Networks: Record<string, Record<string, unknown>> };
}

const sorted = (value: unknown) => (Array.isArray(value) ? [...value].map(String).sort() : value);

/** What came of a request for a container. */
type Made = { readonly id: string } | { readonly refused: string | undefined };

const isEmpty = (value: unknown) =>
  value === null || (typeof value === 'object' && Object.keys(value as object).length === 0);

/** An empty list says as much as none; the command sends some of them always. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, entry]) => [key, withoutEmpty(entry)] as const);
  return Object.fromEntries(entries.filter(([, entry]) => !isEmpty(entry)));
}

/** Without what tells any two containers apart; what the command says in no order, in one. */
function comparable({ Id, Name, Config, HostConfig, Mounts, NetworkSettings }: Shown): unknown {
  const short = Id.slice(0, 12);
  // Of volumes without a name the engine makes one.
  const text = (value: unknown) => JSON.stringify(value).replace(/[0-9a-f]{64}/g, 'ANONYMOUS');
  const { Name: restart } = HostConfig.RestartPolicy as { readonly Name: string };
  const networks = Object.entries(NetworkSettings.Networks).map(([name, shown]) => {
    const { Aliases, IPAMConfig, Links, DriverOpts } = shown;
    const aliases = Array.isArray(Aliases) ? Aliases.filter((alias) => alias !== short) : [];
    return { name, IPAMConfig, Links, DriverOpts, aliases };
  });
  return withoutEmpty({
    Config: {
      ...Config,
      Hostname: Config.Hostname === short ? 'SHORT-ID' : Config.Hostname,
      Env: sorted(Config.Env),
      // Of `docker create`; `docker run -d` attaches nothing, which is not seen before the start.
      ...{ AttachStdin: null, AttachStdout: null, AttachStderr: null, StdinOnce: null },
    },
    HostConfig: {
      ...HostConfig,
      ...{ Binds: sorted(HostConfig.Binds), ConsoleSize: null, AutoRemove: null },
      Links: String(HostConfig.Links).replaceAll(Name, '/NAME'),
      RestartPolicy: restart === '' || restart === 'no' ? null : HostConfig.RestartPolicy,
      // In these two, empty is other than none.
      MaskedPaths: JSON.stringify(HostConfig.MaskedPaths),
      ReadonlyPaths: JSON.stringify(HostConfig.ReadonlyPaths),
    },
    Mounts: Mounts.map(text).sort(),
    networks,
  });
}

interface EngineKind {
  readonly title: string;
  readonly requirement: Requirement;
  readonly start: typeof startDockerEngine;
  readonly cases: readonly (readonly string[])[];
}

const KINDS: readonly EngineKind[] = [
  { title: 'of Debian 12', requirement: 'dockerd', start: startDockerEngine, cases: TAKEN },
  {
    title: 'that is newer',
    requirement: 'newer-dockerd',
    start: startNewerDockerEngine,
    cases: [...TAKEN, ...TAKEN_BY_NEWER],
  },
];

describe.each(KINDS)(
  'arguments of a deployment at an engine $title',
  ({ title, requirement, start, cases: all }) => {
    describeWith(['lab', 'root', requirement], title, () => {
      let folder: string;
      let lab: Lab;
      let engine: RunningEngine;
      let client: EngineClient;

      beforeAll(async () => {
        folder = await mkdtemp(join(tmpdir(), 'run-arguments-engine-'));
        lab = await createLab();
        await mkdir(join(folder, 'engine'));
        engine = await start(lab.host, join(folder, 'engine'));
        client = createEngineClient({ kind: 'unix', path: join(folder, 'engine', 'docker.sock') });
        await mkdir(join(folder, 'root'));
        execFileSync('tar', ['-C', join(folder, 'root'), '-cf', join(folder, 'root.tar'), '.']);
        await engine.docker('import', join(folder, 'root.tar'), IMAGE);
        const subnets = ['--subnet', '172.20.0.0/24', '--ipv6', '--subnet', '2001:db8::/64'];
        await engine.docker('network', 'create', ...subnets, 'my_net');
        for (const name of ['other', 'third', 'fourth', 'db', 'cache']) {
          await engine.docker('create', '--name', name, IMAGE, 'x');
        }
      });
      afterAll(async () => {
        await engine?.stop();
        await lab?.stop();
        await rm(folder, { recursive: true, force: true });
      });

      const show = async (id: string) =>
        comparable((await client.ask('GET', `/containers/${id}/json`, { signal })) as Shown);

      /** What the engine says, without the name of the command before it. */
      const refusal = (text: string) => ({
        refused: text.replace(/^.*?Error response from daemon: /s, '').split('\n')[0],
      });

      async function madeByCommand(args: readonly string[]): Promise<Made> {
        const at = args.indexOf('IMAGE');
        // An image of nothing has no command of its own.
        const words =
          at === -1 ? [...args, IMAGE, 'x'] : [...args.slice(0, at), IMAGE, ...args.slice(at + 1)];
        const { exitCode, stdout, stderr } = await engine.run('create', '--pull=never', '-it', ...words);
        return exitCode === 0 ? { id: stdout.trim() } : refusal(stderr);
      }

      async function madeByUs(args: readonly string[]): Promise<Made> {
        const parsed = parseRunArguments(args.includes('IMAGE') ? args : [...args, 'IMAGE', 'x']);
        const real = new Map(hostPathsOf(parsed).map((path) => [path, path]));
        const files = { env: [], labels: [], securityOptions: [] };
        const json = toContainerSpec(parsed, IMAGE, { hostPaths: { real, engineSockets: [] }, files });
        try {
          const made = await client.ask('POST', '/containers/create', { json, signal });
          return { id: (made as { readonly Id: string }).Id };
        } catch (error) {
          if (!(error instanceof EngineError)) throw error;
          return refusal(String(error.details.reason));
        }
      }

      const seen = { made: 0, refused: 0 };
      // Flags of docker run alone, a name that is ours, and an address that some of the newer commands take.
      const isElsewhere = (word: string) => /^(?:-d|-itd|--detach|--name|--sig-proxy|::1:)/.test(word);
      const cases = all.filter((args) => !args.some(isElsewhere));

      it.each(cases.map((args) => ({ args })))('$args', async ({ args }) => {
        const theirs = await madeByCommand(args);
        const own = await madeByUs(args);
        if ('id' in theirs && 'id' in own) {
          expect(await show(own.id)).toEqual(await show(theirs.id));
          seen.made += 1;
        } else {
          expect(own).toEqual(theirs);
          seen.refused += 1;
        }
        const made = [theirs, own].flatMap((container) => ('id' in container ? [container.id] : []));
        for (const id of made) await removeContainer(engine, id);
      });

      it('are made, most of them', () => {
        expect(seen.made).toBeGreaterThan(seen.refused * 5);
      });
    });
  },
);
