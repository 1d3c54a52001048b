// SPDX-License-Identifier: Apache-2.0
/** A device whose agent launches the apps of its configuration, and a datastore on a bridge of it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import { expect, vi } from 'vitest';
import type { RunningEngine } from '../docker-engine.ts';
import type { EngineKind } from '../engine-kinds.ts';
import { type App, createLab, type Lab } from '../lab.ts';
import { eveAgent, type RunningDatastore, startDatastore, waitForLog } from '../programs.ts';
import { askSocket } from '../socket-request.ts';
import { createWebContext } from '../web-image.ts';

/** Of the datastore, on the first bridge. */
const DATASTORE_ADDRESS = '10.1.0.5';
const LIMIT = { timeout: 600_000, interval: 300 };

/** A uuid for a number, as configurations name things. */
export const uuidOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** A rule of an interface that leads a port of the host to one of the app. */
export const portMap = (lport: string, protocol: 'tcp' | 'udp' = 'tcp', appPort = 80) => ({
  matches: [
    { type: 'protocol', value: protocol },
    { type: 'lport', value: lport },
  ],
  actions: [{ portmap: true, appPort }],
});

export interface AppsHostOptions {
  /** How many bridges, `bn1` on with 10.1.0.1/24. */
  readonly bridges?: number;
  /** Absent: no engine of containers is there. */
  readonly engine?: Pick<EngineKind, 'start'>;
  /** Words of images that the datastore has, as `archives/v1:v1`, each of which answers its word. */
  readonly images?: readonly string[];
  /** Puts further files into the root of the datastore, before that is started. */
  readonly fillRoot?: (root: string) => Promise<void>;
}

export interface AppsHost {
  readonly lab: Lab;
  /** On each bridge, at 10.N.0.77. */
  readonly neighbours: readonly App[];
  /** Where the agent asks for one. */
  readonly engineSocket: string;
  /** @throws Error where there is none */
  readonly engine: RunningEngine;
  readonly datastore: RunningDatastore;
  /** Anew, when it was stopped. */
  startEngine(): Promise<void>;
  at(...names: readonly string[]): string;
  /** Replaces the configuration by a rename. */
  configure(document: object): Promise<void>;
  startAgent(): Promise<void>;
  endAgent(signal?: NodeJS.Signals): Promise<void>;
  /** What all agents have logged. */
  log(): string;
  /** A command about apps, in the namespace of the host. */
  callApp(...args: readonly string[]): ReturnType<Lab['host']['run']>;
  /** What the agent says of all apps. Asked of its socket: a command takes the processor for a sixth of a second. */
  statuses(): Promise<AppInstanceStatus[]>;
  /** Of the only one; empty: there is none. */
  status(): Promise<Partial<AppInstanceStatus>>;
  /** Waits until the only app is so. */
  becomes(expected: object, limit?: { timeout: number; interval: number }): Promise<void>;
  /** What a neighbour hears at a URL; empty: nothing. @param bridge from 1 on */
  hears(url: string, bridge?: number): Promise<string>;
  stop(): Promise<void>;
}

/** @throws Error; then what was started of it is stopped */
export async function createAppsHost({
  bridges = 1,
  engine: kind,
  images = [],
  fillRoot,
}: AppsHostOptions): Promise<AppsHost> {
  const folder = await mkdtemp(join(tmpdir(), 'apps-'));
  const at = (...names: readonly string[]) => join(folder, ...names);
  const lab = await createLab();
  let engine: RunningEngine | undefined;
  let datastore: RunningDatastore | undefined;
  let agent: ChildProcess | undefined;
  const logs: (() => string)[] = [];
  const neighbours: App[] = [];

  async function endAgent(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
    const ended = once(agent, 'exit');
    agent.kill(signal);
    await ended;
  }

  async function stop(): Promise<void> {
    await endAgent();
    const ids = (await engine?.run('ps', '--all', '--quiet'))?.stdout.split('\n').filter(Boolean) ?? [];
    if (ids.length > 0) await engine?.run('rm', '--force', ...ids);
    await engine?.stop();
    await datastore?.kill();
    await lab.stopWithAll();
    await rm(folder, { recursive: true, force: true });
  }

  async function startEngine(): Promise<void> {
    engine = await kind?.start(lab.host, at('engine'), '--bridge', '', '--iptables=true');
  }

  /** Puts an image of the engine's making into the root, as an archive. */
  async function addImage({ docker }: RunningEngine, word: string): Promise<void> {
    const tag = `lab/web:${word}`;
    await docker('build', '--quiet', '--tag', tag, await createWebContext(at(word), word));
    await docker('save', '--output', at('root', `${word}.tar`), tag);
    await docker('image', 'rm', '--force', tag);
  }

  async function start(): Promise<RunningDatastore> {
    for (let n = 1; n <= bridges; n += 1) {
      await lab.addBridge(`bn${n}`, `10.${n}.0.1/24`, { keepsMac: true });
      const address = `10.${n}.0.77/24`;
      neighbours.push(await lab.addApp({ name: `neighbour${n}`, bridge: `bn${n}`, address }));
    }
    const place = await lab.addApp({ name: 'ds', bridge: 'bn1', address: `${DATASTORE_ADDRESS}/24` });
    await mkdir(at('engine'));
    await startEngine();
    await mkdir(at('root'));
    if (engine !== undefined) for (const word of images) await addImage(engine, word);
    await fillRoot?.(at('root'));
    const storage = ['--root', at('root'), '--state', at('store'), '--host-name', 'ds'];
    const running = await startDatastore(place, storage);
    datastore = running;
    // Archives are read before they are repositories.
    for (const word of images) {
      const manifest = `http://${DATASTORE_ADDRESS}/v2/archives/${word}/manifests/${word}`;
      const isThere = () => lab.host.mustRun(['curl', '--silent', '--fail', manifest]);
      await vi.waitFor(isThere, { timeout: 600_000, interval: 200 });
    }
    return running;
  }

  const started = await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const statuses = async () =>
    (await askSocket(at('state', 'agent.sock'), '/v1/apps').catch(() => [])) as AppInstanceStatus[];
  const status = async () => (await statuses())[0] ?? {};

  return {
    ...{ lab, neighbours, at, startEngine, endAgent, statuses, status, stop, datastore: started },
    engineSocket: at('engine', 'docker.sock'),
    get engine() {
      if (engine === undefined) throw new Error('this host has no engine');
      return engine;
    },
    async configure(document) {
      await writeFile(at('config.json.new'), JSON.stringify(document));
      await rename(at('config.json.new'), at('config.json'));
    },
    log: () => logs.map((log) => log()).join(''),
    async startAgent() {
      const places = ['--state', at('state'), '--config', at('config.json'), '--reserve', '0'];
      const apps = ['--apps', '--engine', at('engine', 'docker.sock')];
      const child = lab.host.start(eveAgent('run', ...places, ...apps), {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      agent = child;
      const { log, seen } = waitForLog(child, '"running"');
      logs.push(log);
      await seen;
    },
    callApp: (...args) => lab.host.run(eveAgent('app', ...args, '--state', at('state'))),
    becomes: (expected, limit = LIMIT) => expect.poll(status, limit).toMatchObject(expected),
    async hears(url, bridge = 1) {
      const asked = ['curl', '--silent', '--max-time', '5', url];
      return (await neighbours[bridge - 1]?.run(asked))?.stdout ?? '';
    },
    stop,
  };
}
