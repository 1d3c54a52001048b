// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { scriptedCommand } from '../engine/scripted-engine.ts';
import { createScriptedHost, NAME, type ScriptedHost } from './scripted-switch.ts';
import type { OnStep, Switch } from './switch-contract.ts';

const { signal } = new AbortController();
const silent = () => {};
const wanted = { name: NAME, settleMs: 100, keep: 2 };
const deploy = (host: ScriptedHost, versions: Switch, word: string, onStep: OnStep = silent, off = signal) =>
  versions.deploy(host.version(word), onStep, off);

async function createScene() {
  const host = createScriptedHost();
  const versions = host.startSwitch();
  await deploy(host, versions, 'v1');
  return { host, versions };
}

describe('createSwitch', () => {
  it('says what came of it', async () => {
    const { host, versions } = await createScene();
    const steps: string[] = [];
    expect(await deploy(host, versions, 'v2', (step) => steps.push(step))).toEqual({
      ...{ kind: 'committed', generation: 2, serving: 'ed_web:v2', how: 'bridged', warnings: [] },
      gap: { longestSilenceMs: 0, asked: expect.any(Number), failed: 0 },
      gapMs: 0,
    });
    expect(steps.indexOf('judge candidate')).toBeLessThan(steps.indexOf('stop serving'));
    expect((await versions.versions(NAME, signal)).map(({ generation, role }) => [generation, role])).toEqual(
      [
        [2, 'serving'],
        [1, 'old'],
      ],
    );
  });

  it('tells the gap where the old one has to stop first', async () => {
    const host = createScriptedHost();
    const versions = host.startSwitch({ withoutRule: true });
    await deploy(host, versions, 'v1');
    const version = { ...host.version('v2'), isExclusive: true };
    const outcome = await versions.deploy(version, silent, signal);
    expect(outcome).toMatchObject({
      kind: 'committed',
      how: 'in-place',
      gap: { failed: expect.any(Number) },
    });
  });

  it('one operation at a time', async () => {
    const { host, versions } = await createScene();
    const first = deploy(host, versions, 'v2');
    expect(versions.running(NAME)?.operation).toBe('deploy');
    await expect(versions.restart(wanted, silent, signal)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await versions.converge(NAME, signal)).toBeNull();
    expect(await first).toMatchObject({ kind: 'committed' });
    expect(versions.running(NAME)).toBeNull();
  });

  it('what is called off is taken back', async () => {
    const { host } = await createScene();
    const seen: string[] = [];
    await deploy(host, host.startSwitch(), 'v2', (step) => seen.push(step));
    const until = seen.indexOf('rename serving to old');
    for (const step of new Set(seen.slice(0, until))) {
      const scene = await createScene();
      const off = new AbortController();
      const callOff = (name: string) => {
        if (name === step) off.abort(new Error('enough'));
      };
      const outcome = await deploy(scene.host, scene.versions, 'v2', callOff, off.signal);
      expect(outcome, step).toMatchObject({ kind: 'kept', code: 'CANCELLED', serving: 'ed_web:v1' });
      expect(scene.host.serving(), step).toBe('v1');
      expect(scene.host.rules.size, step).toBe(0);
    }
  });

  it('an engine that is away for a while is waited for', async () => {
    const { host, versions } = await createScene();
    let isGone = false;
    const onStep = (step: string) => {
      if (step !== 'start next' || isGone) return;
      isGone = true;
      host.engine.isAway = true;
      setImmediate(() => {
        host.engine.isAway = false;
      });
    };
    expect(await deploy(host, versions, 'v2', onStep)).toMatchObject({
      kind: 'committed',
      serving: 'ed_web:v2',
    });
    expect(isGone).toBe(true);
  });

  it('one that stays away is said to be, and what it left is put right when it is back', async () => {
    const { host, versions } = await createScene();
    const onStep = (step: string) => {
      if (step === 'start next') host.engine.isAway = true;
    };
    expect(await deploy(host, versions, 'v2', onStep)).toMatchObject({
      kind: 'kept',
      code: 'ENGINE_AWAY',
      serving: null,
    });
    await expect(versions.stop(NAME, silent, signal)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    host.engine.isAway = false;
    await versions.convergeAll(signal);
    expect([host.serving(), host.rules.size, host.running().length]).toEqual(['v1', 0, 1]);
  });

  it('names what it has containers of, and changes nothing by it', async () => {
    const { host, versions } = await createScene();
    await deploy(host, versions, 'v2');
    const spec = { Image: 'ed_web:v2', Cmd: scriptedCommand({}), HostConfig: {} };
    const labelled = (name: string) => ({ ...spec, Labels: { 'io.local-datastore.deployment': name } });
    await host.engine.create('ed_left.try', labelled('left'), signal);
    await host.engine.create('other_web', labelled('web2'), signal);
    const effects: string[] = [];
    host.engine.onEffect = (effect) => void effects.push(effect);
    expect([...(await versions.names(signal))].sort()).toEqual(['left', NAME]);
    expect(effects).toEqual([]);
    host.engine.isAway = true;
    await expect(versions.names(signal)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
  });

  it('an image that nothing is made of goes when it is put right, but one that is on its way', async () => {
    const { host } = await createScene();
    let isLoading = true;
    const versions = host.startSwitch({ mayTidy: () => !isLoading });
    host.engine.addImage('sha256:refused', 'ed_web:refused');
    await versions.convergeAll(signal);
    expect([...host.engine.images.keys()]).toContain('sha256:refused');
    isLoading = false;
    await versions.convergeAll(signal);
    expect([...host.engine.images.keys()]).toEqual(['sha256:v1']);
  });

  it('rules of what is not there any more go', async () => {
    const { host, versions } = await createScene();
    await deploy(host, versions, 'v2');
    const redirect = { family: 4, protocol: 'tcp', hostAddress: null, hostPort: 1 } as const;
    const rule = [{ ...redirect, address: '172.17.0.9', port: 80, bridge: 'docker0' }];
    host.rules.set('ed_gone', rule).set('other_web', rule);
    await versions.convergeAll(signal);
    expect([...host.rules.keys()]).toEqual(['other_web']);
  });

  it.each(['a/b', '', 'web.new', '.web'])('no deployment is called %j', async (name) => {
    const { versions } = await createScene();
    await expect((async () => versions.stop(name, silent, signal))()).rejects.toMatchObject({
      code: 'NAME_INVALID',
    });
  });

  it('what is not there is not changed', async () => {
    const versions = createScriptedHost().startSwitch();
    for (const change of [
      versions.start(wanted, silent, signal),
      versions.restart(wanted, silent, signal),
      versions.stop(NAME, silent, signal),
      versions.remove(NAME, silent, signal),
    ]) {
      await expect(change).rejects.toMatchObject({ code: expect.stringMatching(/NOT_DEPLOYED|CONFLICT/) });
    }
    await expect(versions.rollback(wanted, silent, signal)).rejects.toMatchObject({
      code: 'NOTHING_TO_ROLL_BACK',
    });
  });

  it('old versions go by themselves, or when it is said', async () => {
    const { host, versions } = await createScene();
    for (const word of ['v2', 'v3', 'v4']) await deploy(host, versions, word);
    expect((await versions.versions(NAME, signal)).map(({ generation }) => generation)).toEqual([4, 3, 2]);
    expect([...host.engine.images.keys()].sort()).toEqual(['sha256:v2', 'sha256:v3', 'sha256:v4']);
    await versions.prune(NAME, 0, silent, signal);
    expect((await versions.versions(NAME, signal)).map(({ generation }) => generation)).toEqual([4]);
    expect([...(host.engine.images.get('sha256:v4') ?? [])].sort()).toEqual(['ed_web:latest', 'ed_web:v4']);
    expect(host.engine.images.size).toBe(1);
  });
});
