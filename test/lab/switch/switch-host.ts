// SPDX-License-Identifier: Apache-2.0
/** An emulated device with a Docker engine that publishes ports, a neighbour that asks, and a switch to be run there. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerSpec } from '../../../eve-agent/src/launch/engine/container-spec.ts';
import type { HealthCheck } from '../../../eve-agent/src/launch/switch/health-check.ts';
import type { SwitchOutcome } from '../../../eve-agent/src/launch/switch/outcome.ts';
import type { WantedVersion } from '../../../eve-agent/src/launch/switch/switch-contract.ts';
import { bundleProgram } from '../bundled-program.ts';
import type { RunningEngine } from '../docker-engine.ts';
import { DEBIAN_ENGINE, type EngineKind } from '../engine-kinds.ts';
import { type App, createLab, type Lab } from '../lab.ts';
import { createWebContext } from '../web-image.ts';
import { type Asker, startAsker } from './asker.ts';
import { listOurRules } from './our-rules.ts';

export const NAME = 'web';
export const PREFIX = 'ed_';
const HOST_ADDRESS = '10.1.0.1';
const HOST_PORT = 8080;
export const URL_OUTSIDE = `http://${HOST_ADDRESS}:${HOST_PORT}/`;

/** What a run of the switch is to do, and before what it kills itself. */
export interface SwitchRun {
  readonly socket: string;
  readonly prefix: string;
  readonly withoutRule?: boolean;
  readonly drainMs?: number;
  readonly action:
    | { readonly kind: 'deploy'; readonly version: WantedVersion }
    | { readonly kind: 'rollback' | 'start' | 'restart'; readonly name: string; readonly generation?: number }
    | { readonly kind: 'stop' | 'remove'; readonly name: string }
    | { readonly kind: 'converge' };
  /** Counted from 1, over all steps. */
  readonly killBeforeStep?: number;
  /** Of those calls of the packet filter's program that change something. */
  readonly killBeforeTool?: number;
}

export interface SwitchRan {
  readonly steps: readonly string[];
  /** null: it was killed. */
  readonly outcome: SwitchOutcome | null;
  readonly log: string;
}

export const CHECK: HealthCheck = {
  kind: 'http',
  ...{ port: 80, path: '/', intervalMs: 500, timeoutMs: 5000, startPeriodMs: 240_000, retries: 3 },
};

export interface SwitchHost {
  readonly lab: Lab;
  /** Another host. */
  readonly neighbour: App;
  readonly engine: RunningEngine;
  readonly socket: string;
  /** Has the engine an image that answers this word. */
  buildImage(word: string): Promise<void>;
  version(word: string, spec?: Partial<ContainerSpec>, wanted?: Partial<WantedVersion>): WantedVersion;
  run(run: Omit<SwitchRun, 'socket' | 'prefix'>): Promise<SwitchRan>;
  /** Asks all the time. */
  startAsking(): Promise<Asker>;
  /** Names of the containers of the deployment that there are, those that run with their state. */
  containers(): Promise<Map<string, string>>;
  /** The rules of ours, as the packet filter prints them. */
  rules(): Promise<string[]>;
  /** The engine ends, and starts again; SIGKILL: without a farewell. */
  restartEngine(): Promise<void>;
  stop(): Promise<void>;
}

export async function createSwitchHost({
  start: startEngine,
}: EngineKind = DEBIAN_ENGINE): Promise<SwitchHost> {
  const folder = await mkdtemp(join(tmpdir(), 'switch-'));
  const program = await bundleProgram(new URL('./run-switch.ts', import.meta.url), folder);
  const lab = await createLab();
  await lab.addBridge('bn1', `${HOST_ADDRESS}/24`, { keepsMac: true });
  const neighbour = await lab.addApp({ name: 'neighbour', bridge: 'bn1', address: '10.1.0.5/24' });
  const engineFolder = join(folder, 'engine');
  await mkdir(engineFolder);
  const start = () => startEngine(lab.host, engineFolder, '--bridge', '', '--iptables=true');
  let engine = await start();
  // As on hosts where nothing else forwards.
  await lab.host.mustRun(['iptables', '-P', 'FORWARD', 'DROP']);
  const socket = join(engineFolder, 'docker.sock');
  const ids = new Map<string, string>();
  const tagOf = (word: string) => `${PREFIX}${NAME}:${word}`;
  /** Where it stays, though nothing is made of it. */
  const storedTagOf = (word: string) => `stored:${word}`;

  return {
    ...{ lab, neighbour, socket },
    get engine() {
      return engine;
    },

    async buildImage(word) {
      const context = await createWebContext(join(folder, word), word);
      await engine.docker('build', '--quiet', '--tag', storedTagOf(word), context);
      const inspect = ['image', 'inspect', '--format', '{{.Id}}', storedTagOf(word)];
      ids.set(word, (await engine.docker(...inspect)).trim());
    },

    version(word, spec = {}, wanted = {}) {
      const id = ids.get(word) ?? '';
      const published = { '80/tcp': [{ HostIp: '', HostPort: String(HOST_PORT) }] };
      return {
        name: NAME,
        spec: {
          Image: tagOf(word),
          ExposedPorts: { '80/tcp': {} },
          ...spec,
          HostConfig: { PortBindings: published, ...spec.HostConfig },
        },
        image: { id, tag: tagOf(word), configDigest: id },
        ...{ health: CHECK, stopSeconds: 5, settleMs: 300, keep: 2 },
        ...wanted,
      };
    },

    async run(wanted) {
      // As a load leaves it.
      const tag = wanted.action.kind === 'deploy' ? wanted.action.version.image.tag : undefined;
      const word = tag?.split(':')[1];
      if (tag && word) await engine.docker('tag', storedTagOf(word), tag);
      const run: SwitchRun = { socket, prefix: PREFIX, ...wanted };
      const command = [process.execPath, program, JSON.stringify(run)];
      const { stdout, stderr, exitCode } = await lab.host.run(command);
      const lines = stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const outcome = lines.find((line) => 'outcome' in line)?.outcome as SwitchOutcome | undefined;
      const isKilled = run.killBeforeStep !== undefined || run.killBeforeTool !== undefined;
      if (outcome === undefined && !isKilled) throw new Error(`ended with ${exitCode}: ${stderr}`);
      const steps = lines.flatMap(({ step }) => (typeof step === 'string' ? [step] : []));
      return { steps, outcome: outcome ?? null, log: stderr };
    },

    startAsking: () => startAsker(neighbour, URL_OUTSIDE),

    async containers() {
      const listed = await engine.docker('ps', '--all', '--format', '{{.Names}} {{.State}}');
      return new Map(
        listed
          .split('\n')
          .filter(Boolean)
          .map((line) => line.split(' ') as [string, string]),
      );
    },

    rules: () => listOurRules(lab.host),

    async restartEngine() {
      await engine.stop();
      engine = await start();
    },

    async stop() {
      const all = await engine.run('ps', '--all', '--quiet');
      const left = all.stdout.split('\n').filter(Boolean);
      if (left.length > 0) await engine.run('rm', '--force', ...left);
      await engine.stop();
      await lab.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
