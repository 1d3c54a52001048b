// SPDX-License-Identifier: Apache-2.0
/** Applications over engines of tables: what a configuration says, and what comes to run; of each kind alike. */
import type { AppStateChange } from '@local-datastore/shared/eve/app-state-change';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ScriptedProgram } from '../engine/scripted-engine.ts';
import { APP_KINDS } from './app-memory.ts';
import { appOf, createAppsScene, programOf, uuid } from './testing/apps-scene.ts';

describe.each(APP_KINDS)('an app that is a %s', (kind) => {
  let scene: ReturnType<typeof createAppsScene>;
  const configure = (...list: readonly object[]) => scene.configure(() => kind, list);
  const verified = (n: number, digest: string) => scene.verified(n, digest);
  const becomes = (n: number, expected: object) => expect.poll(() => scene.state(n)).toMatchObject(expected);
  const runs = () => scene.runs();
  const program = (more: ScriptedProgram) => programOf(kind, more);
  const restartAgent = async () => {
    await scene.end();
    scene.start();
  };

  beforeEach(() => {
    scene = createAppsScene();
    scene.start();
  });
  afterEach(() => scene.end());

  describe('as its configuration wants it', () => {
    it('goes from its content to a container that runs', async () => {
      scene.tree(1, { State: 'DOWNLOADING', Error: '' });
      configure(appOf(1));
      await becomes(1, { State: 'DOWNLOADING', Activate: true, Bridge: 'bn1', ContentID: uuid(201) });
      verified(1, 'one');
      await becomes(1, { State: 'RUNNING', Image: `eve_${uuid(1)}:one`, Generation: 1, Error: '' });
      expect(runs()).toEqual([`eve_${uuid(1)}:one`]);
      // A VM is attached to the bridge itself.
      expect(scene.networks).toEqual(kind === 'vm' ? [] : ['bn1']);
    });

    it('is left as it is by an agent that starts again', async () => {
      configure(appOf(1));
      verified(1, 'one');
      await becomes(1, { State: 'RUNNING' });
      await restartAgent();
      await becomes(1, { State: 'RUNNING', Generation: 1 });
      expect(scene.loads).toHaveLength(1);
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
      const count = scene.loads.length;
      // The counter was not carried out: each look would be a command again, were it not for what failed.
      for (let look = 0; look < 3; look += 1) {
        scene.clock.advance(31_000);
        await becomes(1, { State: 'RUNNING', ErrorCode: 'EXITED' });
      }
      expect(scene.loads).toHaveLength(count);
      configure(appOf(1, { ...program({}), restart: { counter: 2 } }));
      await becomes(1, { State: 'RUNNING', Error: '' });
      expect(runs()).toEqual([`eve_${uuid(1)}:one`]);
    });

    it('that never ran and cannot is broken, and says why', async () => {
      configure(appOf(1, program({ exitCode: 1, err: ['bad'] })));
      verified(1, 'one');
      await becomes(1, { State: 'BROKEN', ErrorCode: 'EXITED', Error: expect.stringContaining('bad') });
      const count = scene.loads.length;
      scene.clock.advance(31_000);
      await becomes(1, { State: 'BROKEN' });
      expect(scene.loads).toHaveLength(count);
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
      expect(scene.loads).toHaveLength(1);
    });

    it('goes with its entry, and no other one', async () => {
      configure(appOf(1), appOf(2));
      verified(1, 'one');
      verified(2, 'two');
      await becomes(1, { State: 'RUNNING' });
      await becomes(2, { State: 'RUNNING' });
      configure(appOf(2));
      await expect.poll(runs).toEqual([`eve_${uuid(2)}:two`]);
      expect(scene.apps.status(uuid(1))).toBeNull();
    });

    it('stays where an entry cannot be told from it', async () => {
      configure(appOf(1));
      verified(1, 'one');
      await becomes(1, { State: 'RUNNING' });
      configure({ displayname: 'app-1', activate: true });
      await expect.poll(() => scene.apps.statuses().map(({ State }) => State)).toEqual(['BROKEN']);
      scene.clock.advance(31_000);
      await expect.poll(() => scene.apps.statuses().length).toBe(1);
      expect(runs()).toEqual([`eve_${uuid(1)}:one`]);
    });

    it('that cannot be used stops no other', async () => {
      configure(
        appOf(1, { service: true }),
        appOf(2),
        appOf(3, { localDatastore: { allow: ['privileged'] } }),
      );
      verified(2, 'two');
      verified(3, 'three');
      await becomes(1, { State: 'BROKEN', Error: expect.stringContaining('service') });
      await becomes(2, { State: 'RUNNING' });
      await becomes(3, { State: 'BROKEN', Error: 'localDatastore: allow cannot be given to an app' });
      configure(appOf(2, { localDatastore: { allow: [] } }));
      await becomes(2, { State: 'RUNNING', ErrorCode: 'APP_UNUSABLE', Generation: 1 });
      expect(runs()).toEqual([`eve_${uuid(2)}:two`]);
    });

    // EVE #6028, #1614: stuck for good since one event was lost.
    it('that was told of nothing is looked at again', async () => {
      configure(appOf(1));
      await becomes(1, { State: 'INITIAL' });
      scene.losesEvents = true;
      verified(1, 'one');
      scene.clock.advance(31_000);
      await becomes(1, { State: 'RUNNING' });
      // Nor of the end of its container.
      for (const container of scene.engines[kind].containers.values()) container.state = 'exited';
      scene.clock.advance(31_000);
      await expect.poll(runs).toEqual([`eve_${uuid(1)}:one`]);
      configure(appOf(1, { activate: false }));
      scene.clock.advance(31_000);
      await becomes(1, { State: 'HALTED' });
    });

    it('waits for an engine that is away', async () => {
      scene.engines[kind].isAway = true;
      configure(appOf(1));
      verified(1, 'one');
      await becomes(1, { ErrorCode: 'ENGINE_UNREACHABLE' });
      scene.engines[kind].isAway = false;
      scene.apps.wake();
      await becomes(1, { State: 'RUNNING', Error: '' });
    });
  });

  describe('what is told of an app', () => {
    let told: AppStateChange[];
    const by = (state: string) => told.filter(({ State }) => State === state).map(({ By, Why }) => [By, Why]);
    beforeEach(() => {
      told = [];
      scene.apps.onEvent((event) => {
        if (event.kind === 'state') told.push(event.change);
      });
    });

    it('is each state, who is behind it, and how the switch went', async () => {
      configure(appOf(1));
      verified(1, 'one');
      await becomes(1, { State: 'RUNNING', RestartCount: 0, BootTime: 'start 1' });
      expect(told.map(({ OldState, State }) => `${OldState} ${State}`)).toEqual([
        ...['INITIAL LOADING', 'LOADING LOADED', 'LOADED CREATING_VOLUME'],
        ...['CREATING_VOLUME CREATED_VOLUME', 'CREATED_VOLUME INSTALLED'],
        ...['INSTALLED BOOTING', 'BOOTING RUNNING'],
      ]);
      expect(new Set(told.map(({ By, Why, AppID }) => [AppID, By, Why].join()))).toEqual(
        new Set([`${uuid(1)},configuration,it is to run`]),
      );
      expect(scene.state(1)).toMatchObject({
        StateTime: '1970-01-01T00:00:00.000Z',
        LastSwitch: { Outcome: 'committed', How: 'in-place', ContentSha256: 'one', GapMs: null, Code: '' },
      });
      verified(1, 'two');
      await becomes(1, { State: 'RUNNING', Generation: 2 });
      expect(by('LOADING').at(-1)).toEqual(['content', 'its content tree has another image, two']);
      scene.apps.act(uuid(1), 'purge');
      await becomes(1, { State: 'RUNNING', Generation: 3 });
      expect(by('PURGING')).toEqual([['operator', 'a purge was asked for']]);
      scene.apps.act(uuid(1), 'restart');
      await expect.poll(() => by('RESTARTING')).toEqual([['operator', 'a restart was asked for']]);
      await becomes(1, { State: 'RUNNING', Generation: 3 });
      configure(appOf(1, { activate: false }));
      await becomes(1, { State: 'HALTED' });
      expect(by('HALTING')).toEqual([['configuration', 'it is not to run (activate)']]);
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
      await expect.poll(() => scene.switches()).toEqual({});
    });

    it('is that it ended by itself, and one that cannot be started again is not said to run', async () => {
      configure(appOf(1, program({})));
      verified(1, 'one');
      await becomes(1, { State: 'RUNNING' });
      const [container] = scene.engines[kind].containers.values();
      if (container === undefined) throw new Error('no container');
      Object.assign(container, { state: 'exited', exitCode: 9 });
      scene.apps.wake();
      await becomes(1, { State: 'RUNNING', BootTime: 'start 2' });
      expect(by('BOOTING').at(-1)).toEqual(['app', 'it had ended with exit code 9']);
      Object.assign(container, { state: 'exited', program: { exitCode: 4 } });
      scene.apps.wake();
      await becomes(1, { State: 'BROKEN', ErrorCode: 'EXITED' });
      Object.assign(container, { state: 'restarting', exitCode: 4 });
      scene.apps.wake();
      await becomes(1, { State: 'BROKEN', Error: 'it ends again and again: it had ended with exit code 4' });
      Object.assign(container, { state: 'running', program: {} });
      scene.apps.wake();
      await becomes(1, { State: 'RUNNING', Error: '' });
    });

    it('is that an app is gone, once', async () => {
      const removed: string[] = [];
      configure(appOf(1), appOf(2));
      verified(1, 'one');
      await becomes(1, { State: 'RUNNING' });
      scene.apps.onEvent((event) => event.kind === 'removed' && removed.push(event.id));
      configure(appOf(2));
      await expect.poll(() => removed).toEqual([uuid(1)]);
      expect(scene.apps.statuses().map(({ AppID }) => AppID)).toEqual([uuid(2)]);
    });
  });

  describe('counters', () => {
    beforeEach(async () => {
      configure(appOf(1));
      verified(1, 'one');
      await becomes(1, { State: 'RUNNING', Generation: 1 });
    });
    const only = () => {
      const [container] = scene.engines[kind].containers.values();
      return container;
    };

    it('a restart starts the container again', async () => {
      configure(appOf(1, { restart: { counter: 1 } }));
      await expect.poll(() => only()?.starts).toBeGreaterThan(1);
      await becomes(1, { State: 'RUNNING', Generation: 1 });
      expect(scene.loads).toHaveLength(1);
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
      expect(scene.apps.act(uuid(1), action)).toBe('done');
      if (action === 'restart') await expect.poll(() => only()?.starts).toBeGreaterThan(1);
      await becomes(1, { State: 'RUNNING', Generation: action === 'purge' ? 2 : 1 });
      await restartAgent();
      await becomes(1, { State: 'RUNNING', Generation: action === 'purge' ? 2 : 1 });
      expect([scene.apps.act(uuid(9), action), scene.apps.act(uuid(1).toUpperCase(), action)]).toEqual([
        'unknown',
        'done',
      ]);
    });
  });

  describe('the delay after a boot', () => {
    const reboot = async () => {
      await scene.end();
      scene.engines[kind].reboot();
      scene.start(true);
    };

    it.each<[string, boolean]>([
      ['of an app that is new', false],
      ['of one that ran before', true],
    ])('is kept %s', async (_what, ranBefore) => {
      configure(appOf(1, { startDelayInSeconds: 60 }));
      if (ranBefore) {
        verified(1, 'one');
        await becomes(1, { State: 'RUNNING' });
      }
      await reboot();
      scene.clock.advance(20_000);
      verified(1, 'one');
      await becomes(1, { State: 'START_DELAYED' });
      expect(runs()).toEqual([]);
      scene.clock.advance(39_999);
      await becomes(1, { State: 'START_DELAYED' });
      scene.clock.advance(1);
      await becomes(1, { State: 'RUNNING', Generation: 1, Error: '' });
      expect(scene.loads).toHaveLength(1);
    });

    it('keeps nobody who looks later waiting, and no app without one', async () => {
      configure(appOf(1, { startDelayInSeconds: 60 }), appOf(2));
      for (const n of [1, 2]) verified(n, `image-${n}`);
      await becomes(1, { State: 'RUNNING' });
      await becomes(2, { State: 'RUNNING' });
      await reboot();
      await becomes(2, { State: 'RUNNING' });
      await becomes(1, { State: 'START_DELAYED' });
      scene.clock.advance(60_000);
      await becomes(1, { State: 'RUNNING' });
      const container = [...scene.engines[kind].containers.values()].find(({ spec }) =>
        spec.Image.endsWith(':image-1'),
      );
      if (container === undefined) throw new Error('no container');
      // It crashes.
      Object.assign(container, { state: 'exited', exitCode: 1 });
      scene.apps.wake();
      await expect.poll(() => container.starts).toBe(3);
      await becomes(1, { State: 'RUNNING' });
    });

    it('is none where the agent alone starts again', async () => {
      configure(appOf(1, { startDelayInSeconds: 60 }));
      verified(1, 'one');
      await becomes(1, { State: 'RUNNING' });
    });
  });
});
