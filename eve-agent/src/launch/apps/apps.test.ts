/** Applications over an engine of tables: what a configuration says, and what comes to run. */

import type { AppSwitch } from '@local-datastore/shared/eve/app-instance-status';
import type { AppStateChange } from '@local-datastore/shared/eve/app-state-change';
import { NO_LISTS } from '@local-datastore/shared/eve/config-document';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { readDeviceConfig } from '@local-datastore/shared/eve/device-config';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createScriptedEngine, type ScriptedEngine, scriptedCommand } from '../engine/scripted-engine.ts';
import { createHastyClock } from '../switch/scripted-switch.ts';
import { createSwitch } from '../switch/switch.ts';
import { type AppIntent, planApps } from './app-intent.ts';
import { type AppMemory, type Apps, createApps } from './apps.ts';

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const BRIDGES = [{ name: 'bn1', cidr: '10.1.0.1/24', displayName: 'local' }];
const appOf = (n: number, more: object = {}) => ({
  uuidandversion: { uuid: uuid(n) },
  displayname: `app-${n}`,
  activate: true,
  volumeRefList: [{ uuid: uuid(100 + n) }],
  interfaces: [{ networkId: uuid(300) }],
  ...more,
});

let engine: ScriptedEngine;
let clock: ManualClock;
let intents: readonly AppIntent[] | null;
let trees: Map<string, Partial<ContentTreeStatus>>;
let memory: Readonly<Record<string, AppMemory>> | null;
let switches: Readonly<Record<string, AppSwitch>> | null;
let networks: string[];
let loads: string[];
let stop: AbortController;
let ended: Promise<void>;
let apps: Apps;
let isFreshBoot: boolean;

function configure(...list: object[]): void {
  const numbers = list.map((app) => Number((app as { displayname: string }).displayname.split('-')[1]));
  const lists = {
    ...NO_LISTS,
    apps: list,
    contentInfo: numbers.map((n) => ({
      ...{ uuid: uuid(200 + n), dsIdsList: [uuid(9)], URL: `app-${n}:1`, iformat: 'CONTAINER' },
    })),
    volumes: numbers.map((n) => ({
      uuid: uuid(100 + n),
      origin: { type: 2, downloadContentTreeID: uuid(200 + n) },
    })),
    networkInstances: [{ uuidandversion: { uuid: uuid(300) }, displayname: 'local' }],
  };
  intents = planApps(readDeviceConfig([{ name: '', lists }]), BRIDGES);
  apps?.wake();
}
const verified = (n: number, digest: string) => {
  const ContentSha256 = digest;
  trees.set(uuid(200 + n), { State: 'VERIFIED', FileLocation: `/images/${digest}`, ContentSha256 });
  apps?.wake();
};
function start(): void {
  stop = new AbortController();
  apps = createApps({
    ...{ clock, wallMs: () => 0, log: silentLog, isFreshBoot },
    intents: () => intents,
    treeStatus: (id) => (trees.get(id) as ContentTreeStatus | undefined) ?? null,
    async *readImage(location) {
      yield Buffer.from(location);
    },
    async loadImage(source, app) {
      let location = '';
      for await (const piece of source) location += Buffer.from(piece).toString();
      const digest = location.replace('/images/', '');
      loads.push(`${app} ${digest}`);
      const tag = `eve_${app}:${digest}`;
      engine.addImage(`sha256:${digest}`, tag);
      return { id: `sha256:${digest}`, tag, configDigest: `sha256:${digest}`, sizeBytes: 1 };
    },
    prepare: async ({ args }) => {
      const [program = '{}'] = typeof args === 'string' ? [args] : args;
      return () => ({ Image: '', Cmd: scriptedCommand(JSON.parse(program)), HostConfig: {} });
    },
    networks: { ensure: async ({ name }) => void networks.push(name) },
    switcher: createSwitch(
      {
        ...{ engine, portRule: null, clock: createHastyClock(), wallMs: () => 0, log: silentLog },
        probes: { http: async () => null, tcp: async () => null },
        ending: stop.signal,
      },
      { prefix: 'eve_', engineWaitMs: 10, drainMs: 1 },
    ),
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
}
async function restartAgent(): Promise<void> {
  stop.abort();
  await ended;
  start();
}
const state = (n: number) => apps.status(uuid(n));
const becomes = (n: number, expected: object) => expect.poll(() => state(n)).toMatchObject(expected);
const runs = () =>
  [...engine.containers.values()].filter((each) => each.state === 'running').map(({ spec }) => spec.Image);
const program = (more: object) => ({ localDatastore: { args: [JSON.stringify(more)], settle: 0 } });

beforeEach(() => {
  engine = createScriptedEngine();
  clock = createManualClock();
  intents = null;
  trees = new Map();
  memory = null;
  switches = null;
  networks = [];
  loads = [];
  isFreshBoot = false;
  start();
});
afterEach(async () => {
  stop.abort();
  await ended;
});

describe('an app', () => {
  it('goes from its content to a container that runs', async () => {
    trees.set(uuid(201), { State: 'DOWNLOADING', Error: '' });
    configure(appOf(1));
    await becomes(1, { State: 'DOWNLOADING', Activate: true, Bridge: 'bn1', ContentID: uuid(201) });
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING', Image: `eve_${uuid(1)}:one`, Generation: 1, Error: '' });
    expect([runs(), networks]).toEqual([[`eve_${uuid(1)}:one`], ['bn1']]);
  });

  it('is left as it is by an agent that starts again', async () => {
    configure(appOf(1));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING' });
    await restartAgent();
    await becomes(1, { State: 'RUNNING', Generation: 1 });
    expect(loads).toHaveLength(1);
  });

  it('rolls forward with its content', async () => {
    configure(appOf(1));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING' });
    verified(1, 'two');
    await becomes(1, { State: 'RUNNING', Image: `eve_${uuid(1)}:two`, Generation: 2 });
    expect(runs()).toEqual([`eve_${uuid(1)}:two`]);
  });

  it('serves on in the old version where the new one fails, and that is not tried over and over', async () => {
    configure(appOf(1, program({})));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING' });
    configure(appOf(1, { ...program({ exitCode: 3, err: ['no config'] }), restart: { counter: 1 } }));
    await becomes(1, {
      State: 'RUNNING',
      Image: `eve_${uuid(1)}:one`,
      ErrorCode: 'EXITED',
      Error: expect.stringContaining('no config'),
    });
    const count = loads.length;
    // The counter was not carried out: each look would be a command again, were it not for what failed.
    for (let look = 0; look < 3; look += 1) {
      clock.advance(31_000);
      await becomes(1, { State: 'RUNNING', ErrorCode: 'EXITED' });
    }
    expect(loads).toHaveLength(count);
    configure(appOf(1, { ...program({}), restart: { counter: 2 } }));
    await becomes(1, { State: 'RUNNING', Error: '' });
    expect(runs()).toEqual([`eve_${uuid(1)}:one`]);
  });

  it('that never ran and cannot is broken, and says why', async () => {
    configure(appOf(1, program({ exitCode: 1, err: ['bad'] })));
    verified(1, 'one');
    await becomes(1, { State: 'BROKEN', ErrorCode: 'EXITED', Error: expect.stringContaining('bad') });
    const count = loads.length;
    clock.advance(31_000);
    await becomes(1, { State: 'BROKEN' });
    expect(loads).toHaveLength(count);
    expect(runs()).toEqual([]);
  });

  it('is halted, and booted again', async () => {
    configure(appOf(1));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING' });
    configure(appOf(1, { activate: false }));
    await becomes(1, { State: 'HALTED', Activate: false });
    expect(runs()).toEqual([]);
    configure(appOf(1));
    await becomes(1, { State: 'RUNNING' });
    expect(loads).toHaveLength(1);
  });

  it('goes with its entry, and no other one', async () => {
    configure(appOf(1), appOf(2));
    verified(1, 'one');
    verified(2, 'two');
    await becomes(1, { State: 'RUNNING' });
    await becomes(2, { State: 'RUNNING' });
    configure(appOf(2));
    await expect.poll(runs).toEqual([`eve_${uuid(2)}:two`]);
    expect(apps.status(uuid(1))).toBeNull();
  });

  it('stays where an entry cannot be told from it', async () => {
    configure(appOf(1));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING' });
    configure({ displayname: 'app-1', activate: true });
    await expect.poll(() => apps.statuses().map(({ State }) => State)).toEqual(['BROKEN']);
    clock.advance(31_000);
    await expect.poll(() => apps.statuses().length).toBe(1);
    expect(runs()).toEqual([`eve_${uuid(1)}:one`]);
  });

  it('that cannot be used stops no other', async () => {
    configure(appOf(1, { service: true }), appOf(2), appOf(3, { localDatastore: { allow: ['privileged'] } }));
    verified(2, 'two');
    verified(3, 'three');
    await becomes(1, { State: 'BROKEN', Error: expect.stringContaining('service') });
    await becomes(2, { State: 'RUNNING' });
    await becomes(3, { Error: 'localDatastore: allow cannot be given to an app' });
    expect(runs()).toEqual([`eve_${uuid(2)}:two`]);
  });

  it('waits for an engine that is away', async () => {
    engine.isAway = true;
    configure(appOf(1));
    verified(1, 'one');
    await becomes(1, { ErrorCode: 'ENGINE_UNREACHABLE' });
    engine.isAway = false;
    apps.wake();
    await becomes(1, { State: 'RUNNING', Error: '' });
  });
});

describe('what is told of an app', () => {
  let told: AppStateChange[];
  const by = (state: string) => told.filter(({ State }) => State === state).map(({ By, Why }) => [By, Why]);
  beforeEach(() => {
    told = [];
    apps.onEvent((event) => {
      if (event.kind === 'state') told.push(event.change);
    });
  });

  it('is each state, who is behind it, and how the switch went', async () => {
    configure(appOf(1));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING', RestartCount: 0, BootTime: 'start 1' });
    expect(told.map(({ OldState, State }) => `${OldState} ${State}`)).toEqual([
      ...['INITIAL LOADING', 'LOADING LOADED', 'LOADED CREATED_VOLUME', 'CREATED_VOLUME INSTALLED'],
      ...['INSTALLED BOOTING', 'BOOTING RUNNING'],
    ]);
    expect(new Set(told.map(({ By, Why, AppID }) => [AppID, By, Why].join()))).toEqual(
      new Set([`${uuid(1)},configuration,it is to run`]),
    );
    expect(state(1)).toMatchObject({
      StateTime: '1970-01-01T00:00:00.000Z',
      LastSwitch: { Outcome: 'committed', How: 'in-place', ContentSha256: 'one', GapMs: null, Code: '' },
    });
    verified(1, 'two');
    await becomes(1, { State: 'RUNNING', Generation: 2 });
    expect(by('LOADING').at(-1)).toEqual(['content', 'its content tree has another image, two']);
    apps.act(uuid(1), 'purge');
    await becomes(1, { State: 'RUNNING', Generation: 3 });
    expect(by('PURGING')).toEqual([['operator', 'a purge was asked for']]);
    configure(appOf(1, { activate: false }));
    await becomes(1, { State: 'HALTED' });
    expect(by('HALTED')).toEqual([['configuration', 'it is not to run (activate)']]);
    configure(appOf(1));
    await becomes(1, { State: 'RUNNING' });
    expect(by('BOOTING').at(-1)).toEqual(['configuration', 'it is to run (activate)']);
  });

  it('is why a new version was taken back, also after the agent has started again', async () => {
    configure(appOf(1, program({})));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING' });
    configure(appOf(1, { ...program({ exitCode: 3, err: ['line 1'] }), restart: { counter: 1 } }));
    await becomes(1, { State: 'RUNNING', LastSwitch: { Outcome: 'kept', Code: 'EXITED' } });
    expect(told.at(-1)).toMatchObject({
      State: 'RUNNING',
      By: 'app',
      Why: expect.stringContaining('line 1'),
    });
    await restartAgent();
    await becomes(1, { LastSwitch: { Outcome: 'kept', Code: 'EXITED' } });
    configure();
    await expect.poll(() => switches).toEqual({});
  });

  it('is that it ended by itself, and one that cannot be started again is not said to run', async () => {
    configure(appOf(1, program({})));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING' });
    const [container] = engine.containers.values();
    if (container === undefined) throw new Error('no container');
    Object.assign(container, { state: 'exited', exitCode: 9 });
    apps.wake();
    await becomes(1, { State: 'RUNNING', BootTime: 'start 2' });
    expect(by('BOOTING').at(-1)).toEqual(['app', 'it had ended with exit code 9']);
    Object.assign(container, { state: 'exited', program: { exitCode: 4 } });
    apps.wake();
    await becomes(1, { State: 'BROKEN', ErrorCode: 'EXITED' });
    Object.assign(container, { state: 'restarting', exitCode: 4 });
    apps.wake();
    await becomes(1, { State: 'BROKEN', Error: 'it ends again and again: it had ended with exit code 4' });
    Object.assign(container, { state: 'running', program: {} });
    apps.wake();
    await becomes(1, { State: 'RUNNING', Error: '' });
  });

  it('is that an app is gone, once', async () => {
    const removed: string[] = [];
    configure(appOf(1), appOf(2));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING' });
    apps.onEvent((event) => event.kind === 'removed' && removed.push(event.id));
    configure(appOf(2));
    await expect.poll(() => removed).toEqual([uuid(1)]);
    expect(apps.statuses().map(({ AppID }) => AppID)).toEqual([uuid(2)]);
  });
});

describe('counters', () => {
  beforeEach(async () => {
    configure(appOf(1));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING', Generation: 1 });
  });
  const only = () => {
    const [container] = engine.containers.values();
    return container;
  };

  it('a restart starts the container again', async () => {
    configure(appOf(1, { restart: { counter: 1 } }));
    await expect.poll(() => only()?.starts).toBeGreaterThan(1);
    await becomes(1, { State: 'RUNNING', Generation: 1 });
    expect(loads).toHaveLength(1);
  });

  it('a purge makes it anew', async () => {
    configure(appOf(1, { purge: { counter: 1 } }));
    await becomes(1, { State: 'RUNNING', Generation: 2 });
  });

  it('a change without a counter is refused, and the app goes on', async () => {
    configure(appOf(1, { fixedresources: { memory: 65_536 } }));
    await becomes(1, { State: 'RUNNING', Generation: 1, ErrorCode: 'APP_UNCHANGED' });
    configure(appOf(1, { fixedresources: { memory: 65_536 }, restart: { counter: 1 } }));
    await becomes(1, { State: 'RUNNING', Generation: 2, Error: '' });
    expect(only()?.spec.HostConfig.Memory).toBe(67_108_864);
  });

  it.each(['restart', 'purge'] as const)('a person may %s it', async (action) => {
    expect(apps.act(uuid(1), action)).toBe('done');
    if (action === 'restart') await expect.poll(() => only()?.starts).toBeGreaterThan(1);
    await becomes(1, { State: 'RUNNING', Generation: action === 'purge' ? 2 : 1 });
    await restartAgent();
    await becomes(1, { State: 'RUNNING', Generation: action === 'purge' ? 2 : 1 });
    expect([apps.act(uuid(9), action), apps.act(uuid(1).toUpperCase(), action)]).toEqual(['unknown', 'done']);
  });
});

describe('the delay after a boot', () => {
  it('is kept once', async () => {
    stop.abort();
    await ended;
    isFreshBoot = true;
    start();
    configure(appOf(1, { startDelayInSeconds: 60 }));
    verified(1, 'one');
    await becomes(1, { State: 'START_DELAYED' });
    expect(runs()).toEqual([]);
    clock.advance(60_000);
    await becomes(1, { State: 'RUNNING' });
  });

  it('is none where the agent alone starts again', async () => {
    configure(appOf(1, { startDelayInSeconds: 60 }));
    verified(1, 'one');
    await becomes(1, { State: 'RUNNING' });
  });
});
