// SPDX-License-Identifier: Apache-2.0
/** An emulated device that runs virtual machines on its bridge, and a neighbour there. */
import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type {
  ContainerView,
  LogLine,
  LogsWanted,
} from '../../../eve-agent/src/launch/engine/container-engine.ts';
import type {
  ContainerSpec,
  MachineParts,
  RestartPolicy,
} from '../../../eve-agent/src/launch/engine/container-spec.ts';
import type {
  AddedImage,
  MachineEngine,
  MachineImage,
} from '../../../eve-agent/src/launch/machines/machine-engine-contract.ts';
import type { SwitchOutcome } from '../../../eve-agent/src/launch/switch/outcome.ts';
import type { WantedVersion } from '../../../eve-agent/src/launch/switch/switch-contract.ts';
import { EngineError } from '../../../shared/src/engine/engine-client.ts';
import { type App, createLab, type Lab } from '../lab.ts';
import { GUEST_ADDRESS } from './guest-image.ts';

export const BRIDGE = 'bn1';
export const HOST_ADDRESS = '10.1.0.1';
const PROGRAM = fileURLToPath(new URL('./run-machines.ts', import.meta.url));
const MIB = 1024 * 1024;
/** Of those that no engine but one under test gives, a part of its own for each. */
const USERS = { first: 2_000_000_000, perHost: 256, hosts: 100_000 } as const;

export interface MachinesRun {
  readonly folder: string;
  readonly firstUser: number;
  readonly hasQemu: boolean;
  readonly bootId?: string;
  readonly isLoud?: boolean;
  /** Stands before qemu, and lets it begin once its gate is open. */
  readonly doorman?: string;
}

export interface MachineCall {
  readonly id: number;
  readonly method:
    | Exclude<keyof MachineEngine, 'readLogs' | 'openConsole' | 'supervise'>
    | 'readLogs'
    | 'attach'
    | 'type'
    | 'heard'
    | 'deploy'
    | 'rollback'
    | 'removeDeployment'
    | 'converge';
  readonly args: readonly unknown[];
}

/** The process that has the engine. */
export interface RunningMachines {
  /** @throws EngineError as the engine does */
  call<Result = unknown>(method: MachineCall['method'], ...args: readonly unknown[]): Promise<Result>;
  addImage(image: MachineImage): Promise<AddedImage>;
  create(name: string, spec: ContainerSpec): Promise<string>;
  look(machine: string): Promise<ContainerView>;
  readLogs(machine: string, wanted?: LogsWanted): Promise<readonly LogLine[]>;
  deploy(version: WantedVersion): Promise<SwitchOutcome>;
  setRestartPolicy(machine: string, policy: RestartPolicy): Promise<unknown>;
  /** What it has logged. */
  log(): string;
  /** SIGKILL: without a farewell. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface MachineHost {
  readonly lab: Lab;
  readonly neighbour: App;
  /** Of the engine. */
  readonly folder: string;
  readonly firstUser: number;
  start(options?: Partial<MachinesRun>): Promise<RunningMachines>;
  /** By curl of the neighbour; '' where nobody answers. */
  ask(path?: string, address?: string): Promise<string>;
  /** The processes of its machines: the number and the command of each. */
  processes(): Promise<
    readonly { readonly pid: number; readonly command: readonly string[]; readonly user: number }[]
  >;
  /** For `doorman` of a run: the processes of machines begin once the gate is opened. */
  closeGate(): Promise<{ readonly doorman: string; open(): Promise<void> }>;
  /** Every process of its machines ends, and all is removed. */
  stop(): Promise<void>;
}

/** @param where none of its own: the first that the guests have */
export function machineSpec(
  tag: string,
  parts: MachineParts = {},
  spec: Partial<ContainerSpec> = {},
): ContainerSpec {
  return {
    ...{ Image: tag, StopTimeout: 60, Machine: parts },
    ...spec,
    HostConfig: { Memory: 160 * MIB, NanoCpus: 1e9, NetworkMode: BRIDGE, ...spec.HostConfig },
    NetworkingConfig: spec.NetworkingConfig ?? {
      EndpointsConfig: { [BRIDGE]: { IPAMConfig: { IPv4Address: GUEST_ADDRESS } } },
    },
  };
}

async function findProcesses(firstUser: number) {
  const found: { pid: number; command: string[]; user: number }[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const read = (file: string) => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '');
    const user = Number(/^Uid:\s+(\d+)/m.exec(await read('status'))?.[1] ?? -1);
    if (user < firstUser || user >= firstUser + USERS.perHost) continue;
    const command = (await read('cmdline')).split('\0');
    if (command.length > 1) found.push({ pid: Number(name), command, user });
  }
  return found;
}

function speakWith(child: ChildProcess): Promise<RunningMachines> {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('no pipes');
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let logged = '';
  stderr.on('data', (chunk: Buffer) => {
    logged += chunk.toString();
  });
  stdin.on('error', () => {});
  const ready = Promise.withResolvers<unknown>();
  waiting.set(0, ready);
  createInterface({ input: stdout }).on('line', (line) => {
    const { id, result, error } = JSON.parse(line);
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(result);
    else asked?.reject(new EngineError('ENGINE_REFUSED', error.message, error.status));
  });
  let isOver = false;
  const ended = once(child, 'exit').then(() => {
    isOver = true;
    for (const each of waiting.values()) each.reject(new Error(`the engine has ended: ${logged}`));
  });
  const call = <Result>(method: MachineCall['method'], ...args: readonly unknown[]): Promise<Result> => {
    if (isOver) return Promise.reject(new Error(`the engine has ended: ${logged}`));
    lastId += 1;
    const asked = Promise.withResolvers<unknown>();
    waiting.set(lastId, asked);
    stdin.write(`${JSON.stringify({ id: lastId, method, args })}\n`);
    return asked.promise as Promise<Result>;
  };
  return ready.promise.then(() => ({
    ...{ call, log: () => logged },
    addImage: (image) => call('addImage', image),
    create: (name, spec) => call('create', name, spec),
    async look(machine) {
      const view = await call<ContainerView | null>('inspect', machine);
      if (view === null) throw new Error(`${machine} is gone`);
      return view;
    },
    readLogs: (machine, wanted = {}) => call('readLogs', machine, wanted),
    deploy: (version) => call('deploy', version),
    setRestartPolicy: (machine, policy) => call('setRestartPolicy', machine, policy),
    async end(signal) {
      if (signal === 'SIGTERM') stdin.end();
      else child.kill(signal);
      await ended;
    },
  }));
}

/** Needs the requirements `lab`, `root` and `machines`. */
export async function createMachineHost(): Promise<MachineHost> {
  const folder = await mkdtemp(join(tmpdir(), 'machines-'));
  const firstUser = USERS.first + Math.floor(Math.random() * USERS.hosts) * USERS.perHost;
  const lab = await createLab();
  await lab.addBridge(BRIDGE, `${HOST_ADDRESS}/24`);
  const neighbour = await lab.addApp({ name: 'neighbour', bridge: BRIDGE, address: '10.1.0.5/24' });
  const engineFolder = join(folder, 'engine');
  return {
    ...{ lab, neighbour, firstUser, folder: engineFolder },
    async start(options = {}) {
      const run: MachinesRun = { folder: engineFolder, firstUser, hasQemu: true, ...options };
      const command = [process.execPath, PROGRAM, JSON.stringify(run)];
      return await speakWith(lab.host.start(command, { stdio: ['pipe', 'pipe', 'pipe'] }));
    },
    async ask(path = '/', address = GUEST_ADDRESS) {
      const curl = ['curl', '--silent', '--fail', '--max-time', '5', `http://${address}${path}`];
      return (await neighbour.run(curl)).stdout;
    },
    processes: () => findProcesses(firstUser),
    async closeGate() {
      // The users of machines come by here.
      await chmod(folder, 0o711);
      const [doorman, gate] = [join(folder, 'doorman'), join(folder, 'gate-is-open')];
      const wait = `while ! [ -e ${gate} ]; do sleep 0.1; done`;
      await writeFile(doorman, `#!/bin/sh\n${wait}\nexec qemu-system-x86_64 "$@"\n`);
      await chmod(doorman, 0o755);
      return { doorman, open: () => writeFile(gate, '') };
    },
    async stop() {
      for (const { pid } of await findProcesses(firstUser)) process.kill(pid, 'SIGKILL');
      await lab.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** @returns what a program wrote; for those of the machine itself */
export const runHere = async (program: string, ...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(program, args)).stdout;
