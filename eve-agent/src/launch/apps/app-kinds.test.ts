// SPDX-License-Identifier: Apache-2.0
/** Containers and VMs beside each other, and what only VMs do. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppKind } from './app-memory.ts';
import { appOf, createAppsScene, programOf, uuid } from './testing/apps-scene.ts';

let scene: ReturnType<typeof createAppsScene>;
/** App 1 is a container, app 2 a VM, where nothing else is said. */
const usual = (n: number): AppKind => (n === 2 ? 'vm' : 'container');
const becomes = (n: number, expected: object) => expect.poll(() => scene.state(n)).toMatchObject(expected);
const only = (kind: AppKind) => {
  const [container, ...more] = scene.engines[kind].containers.values();
  expect(more).toEqual([]);
  return container;
};

beforeEach(() => {
  scene = createAppsScene();
  scene.start();
  scene.verified(1, 'one');
  scene.verified(2, 'two');
});
afterEach(() => scene.end());

describe('an engine that is away', () => {
  it.each<[AppKind, number, number]>([
    ['container', 1, 2],
    ['vm', 2, 1],
  ])('keeps no app of the other kind: %s', async (away, waits, runs) => {
    scene.engines[away].isAway = true;
    scene.configure(usual, [appOf(1), appOf(2)]);
    await becomes(runs, { State: 'RUNNING', Error: '' });
    await becomes(waits, { ErrorCode: 'ENGINE_UNREACHABLE' });
    scene.configure(usual, [appOf(waits)]);
    // What the configuration names no more is removed all the same.
    await expect.poll(() => scene.runs()).toEqual([]);
    scene.engines[away].isAway = false;
    scene.apps.wake();
    await becomes(waits, { State: 'RUNNING', Error: '' });
  });
});

describe('an app that becomes a VM', () => {
  beforeEach(async () => {
    scene.configure(() => 'container', [appOf(1)]);
    await becomes(1, { State: 'RUNNING' });
  });
  const purged = { purge: { counter: 1 } };

  it('is that alone in the end', async () => {
    scene.configure(() => 'vm', [appOf(1, purged)]);
    await becomes(1, { State: 'RUNNING', Error: '' });
    await expect.poll(() => only('vm')?.state).toBe('running');
    scene.apps.wake();
    await expect.poll(() => scene.engines.container.containers.size).toBe(0);
    expect(scene.runs()).toEqual([`eve_${uuid(1)}:one`]);
  });

  it('stays what it is where the VM fails, also for an agent that starts again', async () => {
    const broken = programOf('vm', { exitCode: 1, err: ['no kernel'] });
    scene.configure(() => 'vm', [appOf(1, { ...purged, ...broken })]);
    const expected = { State: 'RUNNING', ErrorCode: 'EXITED', Error: expect.stringContaining('no kernel') };
    await becomes(1, expected);
    await expect.poll(() => only('container')?.state).toBe('running');
    await scene.end();
    scene.start();
    await becomes(1, expected);
    expect(only('container')?.state).toBe('running');
  });

  it('is halted as what it is', async () => {
    scene.configure(() => 'vm', [appOf(1, { activate: false })]);
    await becomes(1, { State: 'HALTED' });
    expect([only('container')?.state, scene.engines.vm.containers.size]).toEqual(['exited', 0]);
  });
});

describe('one that takes its time to go', () => {
  it('keeps no other waiting, and is there again once it has gone', async () => {
    scene.configure(usual, [appOf(1), appOf(2)]);
    for (const n of [1, 2]) await becomes(n, { State: 'RUNNING' });
    const { stop } = scene.engines.vm;
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    scene.engines.vm.stop = async (...args) => {
      await held;
      await stop(...args);
    };
    scene.configure(usual, [appOf(1)]);
    await expect.poll(() => scene.state(2)).toBeNull();
    scene.configure(usual, [appOf(1), appOf(3)]);
    scene.verified(3, 'three');
    await becomes(3, { State: 'RUNNING' });
    scene.configure(usual, [appOf(1), appOf(2), appOf(3)]);
    await becomes(2, { State: 'INITIAL', Generation: 0 });
    letGo();
    await becomes(2, { State: 'RUNNING', Generation: 1, Error: '' });
    expect(only('vm')?.id).toBe('c2');
  });
});

describe('a VM', () => {
  const run = (more: object = {}) => scene.configure(() => 'vm', [appOf(2, more)]);
  const disk = () => only('vm')?.spec.Machine?.RootVolume;

  beforeEach(async () => {
    run();
    await becomes(2, { State: 'RUNNING', Generation: 1 });
  });

  it('keeps its disk where it is started again with other memory', async () => {
    const before = disk();
    run({ fixedresources: { memory: 65_536 }, restart: { counter: 1 } });
    await becomes(2, { State: 'RUNNING', Generation: 2 });
    expect(disk()).toBe(before);
  });

  it.each<[string, () => void]>([
    ['a purge', () => run({ purge: { counter: 1 } })],
    ['a purge by a person', () => expect(scene.apps.act(uuid(2), 'purge')).toBe('done')],
    ['other content', () => scene.verified(2, 'other')],
  ])('gets another one by %s', async (_what, change) => {
    const before = disk();
    change();
    await becomes(2, { State: 'RUNNING', Generation: 2 });
    await expect.poll(disk).not.toBe(before);
  });

  it('that its engine has given up is broken, and is not started over and over', async () => {
    const vm = only('vm');
    if (vm === undefined) throw new Error('there is no VM');
    Object.assign(vm, { state: 'exited', error: 'given up: it ended 6 times within 10 minutes' });
    scene.apps.wake();
    await becomes(2, { State: 'BROKEN', ErrorCode: 'APP_DOWN', Error: vm.error });
    for (let look = 0; look < 3; look += 1) {
      scene.clock.advance(31_000);
      await becomes(2, { State: 'BROKEN' });
    }
    expect(vm.starts).toBe(1);
    run({ restart: { counter: 1 } });
    await becomes(2, { State: 'RUNNING', Error: '' });
  });

  it('that its engine has given up is not started again once it is halted', async () => {
    const vm = only('vm');
    if (vm === undefined) throw new Error('there is no VM');
    Object.assign(vm, { state: 'exited', error: 'given up: it crashed' });
    run({ activate: false });
    await becomes(2, { State: 'HALTED', Error: '' });
    expect(vm.restart).toEqual({ Name: 'no' });
  });

  it('that stands still is broken until it goes on by itself', async () => {
    const vm = only('vm');
    if (vm === undefined) throw new Error('there is no VM');
    Object.assign(vm, { state: 'paused', error: 'no room is left' });
    scene.apps.wake();
    await becomes(2, { State: 'BROKEN', ErrorCode: 'APP_DOWN', Error: 'no room is left' });
    Object.assign(vm, { state: 'running', error: '' });
    scene.clock.advance(31_000);
    await becomes(2, { State: 'RUNNING', Error: '', Generation: 1 });
    expect(vm.starts).toBe(1);
  });

  it('waits for a host that can run it', async () => {
    scene.whyNoVms = 'virtual machines need qemu-system-x86_64';
    run({ purge: { counter: 1 } });
    await becomes(2, { State: 'RUNNING', Generation: 1, ErrorCode: 'VMS_IMPOSSIBLE' });
    scene.whyNoVms = null;
    scene.clock.advance(31_000);
    await becomes(2, { State: 'RUNNING', Generation: 2, Error: '' });
  });

  it('waits for all of its disks', async () => {
    scene.tree(7, { State: 'DOWNLOADING', Error: '' });
    const more = { uuid: uuid(107), origin: { type: 2, downloadContentTreeID: uuid(207) } };
    const disks = { volumeRefList: [{ uuid: uuid(102) }, { uuid: uuid(107) }], purge: { counter: 1 } };
    scene.configure(() => 'vm', [appOf(2, disks), appOf(7, { activate: false })], [more]);
    await becomes(7, { State: 'HALTED' });
    await becomes(2, { State: 'RUNNING', Generation: 1 });
    scene.verified(7, 'seven');
    await becomes(2, { State: 'RUNNING', Generation: 2 });
    expect(only('vm')?.spec.Machine?.Volumes).toMatchObject([{ Image: `eve_${uuid(2)}:seven` }]);
  });

  describe('with a port of the host', () => {
    const mapped = (lport: number, more: object = {}) => {
      const rule = {
        matches: [
          { type: 'protocol', value: 'tcp' },
          { type: 'lport', value: String(lport) },
        ],
        actions: [{ portmap: true, appPort: 80 }],
      };
      run({ interfaces: [{ networkId: uuid(300), acls: [rule] }], ...more });
    };
    const ports = () => only('vm')?.spec.Machine?.Ports?.map(({ HostPort }) => HostPort);
    const TAKEN = { ErrorCode: 'PORT_TAKEN', Error: 'the tcp port 8080 of this host is in use' };

    it('has another one while it runs, without a counter', async () => {
      for (const port of [8080, 8081]) {
        mapped(port);
        await expect.poll(ports).toEqual([port]);
        const PortMaps = [{ Protocol: 'tcp', HostAddress: '', HostPort: port, AppPort: 80 }];
        await becomes(2, { State: 'RUNNING', PortMaps });
      }
      run();
      await expect.poll(ports).toEqual([]);
      await becomes(2, { State: 'RUNNING', Generation: 1, Error: '', PortMaps: [] });
      expect(only('vm')?.starts).toBe(1);
    });

    it.each<[string, object, number]>([
      ['runs on without it', {}, 1],
      ['is not replaced by one that could not have it', { purge: { counter: 1 } }, 2],
    ])('that another has %s, and tries again', async (_what, more, generation) => {
      scene.takenPort = 8080;
      mapped(8080, more);
      await becomes(2, { State: 'RUNNING', Generation: 1, PortMaps: [], ...TAKEN });
      expect([only('vm')?.starts, scene.runs()]).toEqual([1, [`eve_${uuid(2)}:two`]]);
      scene.takenPort = null;
      scene.clock.advance(31_000);
      await becomes(2, { State: 'RUNNING', Generation: generation, Error: '' });
      await expect.poll(ports).toEqual([8080]);
    });

    it('that another has is not started', async () => {
      scene.takenPort = 8080;
      run({ activate: false });
      await becomes(2, { State: 'HALTED' });
      mapped(8080);
      await becomes(2, { State: 'BROKEN', ...TAKEN });
      scene.takenPort = null;
      scene.clock.advance(31_000);
      await becomes(2, { State: 'RUNNING', Generation: 1, Error: '' });
    });
  });
});
