// SPDX-License-Identifier: Apache-2.0
import { Duplex } from 'node:stream';
import type { AppSwitch } from '@local-datastore/shared/eve/app-instance-status';
import { NO_LISTS } from '@local-datastore/shared/eve/config-document';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { readDeviceConfig } from '@local-datastore/shared/eve/device-config';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import type { ContainerEngine } from '../../engine/container-engine.ts';
import type { MachinePort } from '../../engine/container-spec.ts';
import {
  createScriptedEngine,
  type ScriptedEngine,
  type ScriptedProgram,
  scriptedCommand,
} from '../../engine/scripted-engine.ts';
import { refused } from '../../machines/refused.ts';
import { createHastyClock } from '../../switch/scripted-switch.ts';
import { createSwitch } from '../../switch/switch.ts';
import { type AppAccess, createAppAccess } from '../app-access.ts';
import { type AppIntent, planApps } from '../app-intent.ts';
import type { AppKind, AppMemories } from '../app-memory.ts';
import { type Apps, createApps } from '../apps.ts';
import { createContainerWay } from '../container-way.ts';
import { createVmWay } from '../vm-way.ts';

export const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const BRIDGES = [{ name: 'bn1', cidr: '10.1.0.1/24', displayName: 'local' }];
const FORMATS: Readonly<Record<AppKind, string>> = { container: 'CONTAINER', vm: 'RAW' };

/** An app as a configuration has it; its root is its volume. */
export const appOf = (n: number, more: object = {}) => ({
  uuidandversion: { uuid: uuid(n) },
  displayname: `app-${n}`,
  activate: true,
  fixedresources: { memory: 131_072 },
  volumeRefList: [{ uuid: uuid(100 + n) }],
  interfaces: [{ networkId: uuid(300) }],
  ...more,
});

/** What an app of a kind is configured by to do something: a container by its arguments, a VM by its user data. */
export const programOf = (kind: AppKind, program: ScriptedProgram) =>
  kind === 'container'
    ? { localDatastore: { args: scriptedCommand(program), settle: 0 } }
    : { userData: btoa(JSON.stringify(program)), localDatastore: { settle: 0 } };

/** Of a VM, by its user data. */
function withProgram(engine: ContainerEngine): ContainerEngine {
  return {
    ...engine,
    create: (name, spec, signal) =>
      engine.create(name, { ...spec, Cmd: [spec.Machine?.Seed?.UserData ?? '{}'] }, signal),
  };
}

/** Applications over engines that are tables: what a configuration says, and what comes to run. */
export function createAppsScene() {
  /** By kind. */
  const engines: Readonly<Record<AppKind, ScriptedEngine>> = {
    container: createScriptedEngine(),
    vm: createScriptedEngine(),
  };
  const clock = createManualClock();
  const trees = new Map<string, Partial<ContentTreeStatus>>();
  const networks: string[] = [];
  /** What was given to an engine, in order. */
  const loads: string[] = [];
  /** What is looked at of VMs, and what was typed into them. */
  const consoles: Duplex[] = [];
  const typed: string[] = [];
  let intents: readonly AppIntent[] | null = null;
  let memory: AppMemories | null = null;
  let switches: Readonly<Record<string, AppSwitch>> | null = null;
  let stop = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  let apps: Apps | undefined;
  let access: AppAccess | undefined;

  function openConsole(signal: AbortSignal): Duplex {
    const opened = new Duplex({
      read() {},
      write(piece: Buffer, _encoding, done) {
        typed.push(piece.toString('latin1'));
        done();
      },
    });
    signal.addEventListener('abort', () => opened.destroy(), { once: true });
    consoles.push(opened);
    opened.once('close', () => consoles.splice(consoles.indexOf(opened), 1));
    return opened;
  }
  function switchOver(engine: ContainerEngine) {
    const parts = { portRule: null, clock: createHastyClock(), wallMs: () => 0, log: silentLog };
    const probes = { http: async () => null, tcp: async () => null };
    return createSwitch(
      { ...parts, engine, probes, ending: stop.signal },
      { prefix: 'eve_', engineWaitMs: 10, drainMs: 1 },
    );
  }
  const containerWay = () =>
    createContainerWay({
      engine: engines.container,
      switcher: switchOver(engines.container),
      async *readImage(location) {
        yield Buffer.from(location);
      },
      async loadImage(source, app) {
        let location = '';
        for await (const piece of source) location += Buffer.from(piece).toString();
        const digest = location.replace('/images/', '');
        const tag = `eve_${app}:${digest}`;
        loads.push(tag);
        engines.container.addImage(`sha256:${digest}`, tag);
        return { id: `sha256:${digest}`, tag, configDigest: `sha256:${digest}`, sizeBytes: 1 };
      },
      prepare: async ({ args }) => {
        const [program = '{}'] = typeof args === 'string' ? [args] : args;
        return () => ({ Image: '', Cmd: scriptedCommand(JSON.parse(program)), HostConfig: {} });
      },
      networks: { ensure: async ({ name }) => void networks.push(name) },
    });
  function needFree(ports: readonly MachinePort[]): void {
    if (ports.some(({ HostPort }) => HostPort === scene.takenPort))
      throw refused(409, `the tcp port ${scene.takenPort} of this host is in use`);
  }
  const vmWay = () =>
    createVmWay({
      switcher: switchOver(withProgram(engines.vm)),
      engine: {
        readLogs: engines.vm.readLogs,
        openConsole: async (_machine, signal) => openConsole(signal),
        async setPorts(machine, Ports) {
          needFree(Ports);
          const vm = engines.vm.containers.get(machine);
          if (vm !== undefined)
            Object.assign(vm, { spec: { ...vm.spec, Machine: { ...vm.spec.Machine, Ports } } });
        },
        needPorts: async (ports) => needFree(ports),
        async addImage({ tag, sha256 }) {
          loads.push(tag);
          engines.vm.addImage(`sha256:${sha256}`, tag);
          return { id: `sha256:${sha256}`, tag, configDigest: `sha256:${sha256}` };
        },
      },
      blank: { path: '/blank', sha256: 'blank' },
      whyNone: async () => scene.whyNoVms,
    });

  function tell(): void {
    if (!scene.losesEvents) apps?.wake();
  }

  const scene = {
    ...{ engines, clock, networks, loads, consoles, typed },
    /** Why VMs are impossible on the host. */
    whyNoVms: null as string | null,
    /** A port of the host that a program has. */
    takenPort: null as number | null,
    /** What changes is told to nobody. */
    losesEvents: false,
    get apps(): Apps {
      if (apps === undefined) throw new Error('the agent does not run');
      return apps;
    },
    get access(): AppAccess {
      if (access === undefined) throw new Error('the agent does not run');
      return access;
    },
    start(isFreshBoot = false): void {
      stop = new AbortController();
      const ways = { container: containerWay(), vm: vmWay() };
      access = createAppAccess({ intents: () => intents, ways });
      apps = createApps({
        ...{ clock, wallMs: () => 0, log: silentLog, isFreshBoot },
        intents: () => intents,
        treeStatus: (id) => (trees.get(id) as ContentTreeStatus | undefined) ?? null,
        ways,
        switches: {
          read: () => switches,
          write: (value) => {
            switches = value;
          },
        },
        memory: {
          read: () => memory,
          write: (value) => {
            memory = value;
          },
        },
      });
      ended = apps.run(stop.signal);
    },
    async end(): Promise<void> {
      stop.abort();
      await ended;
    },
    /** Puts a configuration in force. @param kindOf each app @param volumes beside those of the roots */
    configure(
      kindOf: (n: number) => AppKind,
      list: readonly object[],
      volumes: readonly object[] = [],
    ): void {
      const numbers = list.map((app) => Number((app as { displayname: string }).displayname.split('-')[1]));
      const lists = {
        ...NO_LISTS,
        apps: [...list],
        contentInfo: numbers.map((n) => ({
          ...{ uuid: uuid(200 + n), dsIdsList: [uuid(9)], URL: `app-${n}:1` },
          ...{ iformat: FORMATS[kindOf(n)], sha256: kindOf(n) === 'vm' ? 'ab'.repeat(32) : '' },
        })),
        volumes: [
          ...numbers.map((n) => ({
            uuid: uuid(100 + n),
            origin: { type: 2, downloadContentTreeID: uuid(200 + n) },
          })),
          ...volumes,
        ],
        networkInstances: [{ uuidandversion: { uuid: uuid(300) }, displayname: 'local' }],
      };
      intents = planApps(readDeviceConfig([{ name: '', lists }]), BRIDGES);
      tell();
    },
    /** How far the content tree of an app is. */
    tree(n: number, status: Partial<ContentTreeStatus>): void {
      trees.set(uuid(200 + n), status);
      tell();
    },
    verified(n: number, digest: string): void {
      scene.tree(n, { State: 'VERIFIED', FileLocation: `/images/${digest}`, ContentSha256: digest });
    },
    /** How the last switches went, as they are stored. */
    switches: () => switches,
    state: (n: number) => apps?.status(uuid(n)),
    /** The images that run, of either kind. */
    runs: () =>
      [...engines.container.containers.values(), ...engines.vm.containers.values()]
        .filter((each) => each.state === 'running')
        .map(({ spec }) => spec.Image),
  };
  return scene;
}
