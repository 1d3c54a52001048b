// SPDX-License-Identifier: Apache-2.0
/** The device of the VM demo: a datastore, a neighbour and an agent on a bridge, with disks that boot. */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { listenTo, type Neighbour, type Tally } from '../../compose/demo/neighbour.ts';
import type { RunAgent } from '../../compose/demo/story.ts';
import { createUntil, type Until } from '../../compose/demo/until.ts';
import { createGuestImages, GUEST_ADDRESS, type GuestMode, sha256Of } from '../lab/machines/guest-image.ts';
import type { Namespace } from '../lab/namespace.ts';
import { askSocket } from '../lab/socket-request.ts';
import {
  agentCommand,
  createDevicePrograms,
  type Datastore,
  type DemoOptions,
  describeEnd,
  imagesOf,
} from './device-programs.ts';
import { type VmImage, vmConfiguration } from './vm-configuration.ts';

export const GUEST_URL = `http://${GUEST_ADDRESS}/`;
const CLIENT = fileURLToPath(new URL('../../compose/demo/client.ts', import.meta.url));
const HOST_NAME = 'datastore';
const POLL_MS = 250;
// Ends only what fails: on a busy machine a step takes many times as long.
const LIMIT_MS = 900_000;

/** The parts of an AppInstanceStatus that the story needs. */
export interface AppView {
  readonly State: string;
  readonly Generation: number;
  readonly Error: string;
  readonly ErrorCode: string;
}

export interface VmDevice {
  readonly runAgent: RunAgent;
  readonly until: Until;
  /** Where the agent of the device is, for its commands. */
  readonly atDevice: readonly string[];
  /** Ends all that waits. */
  fail(error: Error): void;
  /** Makes a disk, and puts it into the datastore. */
  publish(word: string, mode: GuestMode): Promise<VmImage>;
  startDatastore(): Promise<void>;
  /** Asks the guest all the time from then on. @param tell takes what it says when something changes */
  startNeighbour(tell: (line: string) => void): Promise<Neighbour>;
  /** The service, with a configuration that has no app. */
  startAgent(): Promise<void>;
  /** @param tell takes each line of `eve-agent watch` */
  watch(tell: (line: string) => void): void;
  /** @param image null: no app is wanted */
  configure(image: VmImage | null): Promise<void>;
  readApp(): Promise<AppView | undefined>;
  /** Whether the agent has neither an app nor anything of a VM. */
  isEmpty(): Promise<boolean>;
  /** Stops the programs. @throws Error: one did not end as it should */
  stop(): Promise<void>;
}

/** Builds the bridge bn1 with two apps on it. */
export async function createVmDevice({
  lab,
  directory,
  signal,
}: Pick<DemoOptions, 'lab' | 'directory' | 'signal'>): Promise<VmDevice> {
  const broken = new AbortController();
  const ending = AbortSignal.any([signal, broken.signal]);
  const until = createUntil(ending, { pollMs: POLL_MS, limitMs: LIMIT_MS });
  const programs = createDevicePrograms({ lab, directory, signal: ending });
  const at = (...names: readonly string[]) => join(directory, ...names);
  const atDevice = ['--state', at('device')];
  const running: ChildProcess[] = [];
  let isStopping = false;

  await lab.addBridge('bn1', '10.1.0.1/24');
  const place = await lab.addApp({ name: HOST_NAME, bridge: 'bn1', address: '10.1.0.5/24' });
  const client = await lab.addApp({ name: 'neighbour', bridge: 'bn1', address: '10.1.0.77/24' });
  const guests = createGuestImages(directory, at('kernel'));
  guests.catch(() => {});
  let datastore: Datastore | undefined;
  let agent: ChildProcess | undefined;

  /** Starts what goes on: the demo fails when it ends. In a group of its own, as Ctrl-C is the demo's to handle. */
  function keep(name: string, where: Namespace, command: readonly string[], stdio: StdioOptions) {
    ending.throwIfAborted();
    const child = where.start(command, { stdio, detached: true });
    running.push(child);
    child.once('exit', () => {
      if (!isStopping) broken.abort(new Error(`${name} ended ${describeEnd(child)}`));
    });
    return child;
  }
  function readLines({ stdout }: ChildProcess, tell: (line: string) => void): void {
    if (stdout !== null) createInterface({ input: stdout }).on('line', tell);
  }
  const readApps = async () => (await askSocket(at('device/agent.sock'), '/v1/apps')) as AppView[];

  async function configure(image: VmImage | null): Promise<void> {
    const document = JSON.stringify(vmConfiguration(image), null, 2);
    await writeFile(at('device.json.part'), `${document}\n`);
    await rename(at('device.json.part'), at('device.json'));
  }

  return {
    ...{ runAgent: programs.runAgent, until, atDevice, configure },
    fail: (error) => broken.abort(error),
    async publish(word, mode) {
      ending.throwIfAborted();
      const name = `guest-${word}.img`;
      const file = join(imagesOf(directory, HOST_NAME), name);
      await mkdir(imagesOf(directory, HOST_NAME), { recursive: true });
      await rename(await (await guests).build({ word, mode }), file);
      return { name, sha256: await sha256Of(file) };
    },
    async startDatastore() {
      datastore = await programs.startDatastore(place, '10.1.0.5', HOST_NAME);
    },
    async startNeighbour(tell) {
      const socket = at('client.sock');
      const command = [process.execPath, CLIENT, socket];
      readLines(keep('the neighbour', client, command, ['ignore', 'pipe', 'inherit']), tell);
      await until('the neighbour', async () => {
        await askSocket(socket, '/', GUEST_URL);
        return true;
      });
      return listenTo(async () => (await askSocket(socket, '/')) as Tally);
    },
    async startAgent() {
      await configure(null);
      // No engine of containers: what this machine's has is none of ours.
      const options = ['--config', at('device.json'), ...atDevice, '--engine', at('no-engine.sock')];
      const command = agentCommand('run', '--apps', ...options, '--reserve', '0', '--log-level', 'error');
      agent = keep('the agent', lab.host, command, ['ignore', 'ignore', 'inherit']);
      await until('the agent', readApps);
    },
    watch(tell) {
      // Without a terminal it tells line by line.
      const command = agentCommand('watch', ...atDevice);
      readLines(keep('eve-agent watch', lab.host, command, ['ignore', 'pipe', 'ignore']), tell);
    },
    readApp: async () => (await readApps())[0],
    async isEmpty() {
      const machines = ['machines', 'volumes'].map((name) => readdir(at('device/machines', name)));
      const left = await Promise.all([readApps(), ...machines]);
      return left.every(({ length }) => length === 0);
    },
    async stop() {
      isStopping = true;
      for (const child of running) if (child !== agent) child.kill('SIGKILL');
      if (agent !== undefined) {
        const ended = once(agent, 'exit');
        agent.kill('SIGTERM');
        await ended;
        ending.throwIfAborted();
        if (agent.exitCode !== 0) throw new Error(`the agent ended ${describeEnd(agent)} when stopped`);
      }
      await datastore?.stop();
    },
  };
}
