// SPDX-License-Identifier: Apache-2.0
/**
 * Every operation, ended before and after each thing that it changes; with and without a restart of the machine before
 * anybody looks; and once more while that is put right.
 */
import { describe, expect, it } from 'vitest';
import { restartPolicyText, roleOfName } from './names.ts';
import type { SwitchOutcome } from './outcome.ts';
import { Crash, createScriptedHost, NAME, PREFIX, type ScriptedHost } from './scripted-switch.ts';
import type { Switch } from './switch-contract.ts';

const { signal } = new AbortController();
const silent = () => {};

interface Scene {
  readonly title: string;
  readonly withoutRule?: boolean;
  /** What is there before. */
  prepare(host: ScriptedHost, versions: Switch): Promise<unknown>;
  act(host: ScriptedHost, versions: Switch): Promise<unknown>;
  /** Words of the images that may serve afterwards; null: nothing runs. */
  readonly before: string | null;
  readonly after: string | null;
  /** Somebody answers at the published port at each moment, also while nobody puts anything right. */
  readonly isGapless?: boolean;
}

const deploy = (host: ScriptedHost, versions: Switch, ...args: Parameters<ScriptedHost['version']>) =>
  versions.deploy(host.version(...args), silent, signal);
const always = { HostConfig: { RestartPolicy: { Name: 'always' as const } } };
const exclusive = { HostConfig: { Binds: ['/data:/data'] } };
const bothFamilies = {
  HostConfig: {
    PortBindings: {
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '8080' },
        { HostIp: '0.0.0.0', HostPort: '8081' },
      ],
    },
  },
};
const first = (host: ScriptedHost, versions: Switch) => deploy(host, versions, 'v1');
async function two(host: ScriptedHost, versions: Switch): Promise<void> {
  await deploy(host, versions, 'v1');
  await deploy(host, versions, 'v2');
}
/** As ed-daemon or a person makes one. */
async function foreign(host: ScriptedHost): Promise<void> {
  const spec = { ...host.version('v0').spec, Image: 'ed_web:v0' };
  spec.HostConfig = { ...spec.HostConfig, RestartPolicy: { Name: 'always' } };
  await host.engine.create(`${PREFIX}${NAME}`, spec, signal);
  await host.engine.start(`${PREFIX}${NAME}`, signal);
}
const wanted = { name: NAME, settleMs: 100 };

const SCENES: readonly Scene[] = [
  {
    title: 'a first version',
    prepare: async () => {},
    act: first,
    before: null,
    after: 'v1',
  },
  {
    title: 'the next version, with a rule',
    prepare: first,
    act: (host, versions) => deploy(host, versions, 'v2', {}, bothFamilies),
    before: 'v1',
    after: 'v2',
    isGapless: true,
  },
  {
    title: 'the next version, without a rule',
    withoutRule: true,
    prepare: first,
    act: (host, versions) => deploy(host, versions, 'v2'),
    before: 'v1',
    after: 'v2',
  },
  {
    title: 'the next version, in place',
    prepare: first,
    act: (host, versions) => deploy(host, versions, 'v2', {}, exclusive),
    before: 'v1',
    after: 'v2',
  },
  {
    title: 'versions that are always started',
    prepare: (host, versions) => deploy(host, versions, 'v1', {}, always),
    act: (host, versions) => deploy(host, versions, 'v2', {}, always),
    before: 'v1',
    after: 'v2',
  },
  {
    title: 'a fourth version of which two are kept',
    prepare: async (host, versions) => {
      await two(host, versions);
      await deploy(host, versions, 'v3');
    },
    act: (host, versions) => deploy(host, versions, 'v4'),
    before: 'v3',
    after: 'v4',
  },
  {
    title: 'a version that ends at once',
    prepare: first,
    act: (host, versions) => deploy(host, versions, 'v2', { exitCode: 3 }),
    before: 'v1',
    after: 'v1',
  },
  {
    title: 'a version that is not well, in place',
    prepare: first,
    act: (host, versions) => deploy(host, versions, 'v2', { isHealthy: false }, exclusive),
    before: 'v1',
    after: 'v1',
  },
  {
    title: 'in the place of one that was not made here',
    prepare: foreign,
    act: first,
    before: 'v0',
    after: 'v1',
  },
  {
    title: 'back to one that was not made here',
    prepare: async (host, versions) => {
      await foreign(host);
      await first(host, versions);
    },
    act: (_host, versions) => versions.rollback({ ...wanted, keep: 2 }, silent, signal),
    before: 'v1',
    after: 'v0',
    isGapless: true,
  },
  {
    title: 'in the place of one that was stopped',
    prepare: async (host, versions) => {
      await first(host, versions);
      await versions.stop(NAME, silent, signal);
    },
    act: (host, versions) => deploy(host, versions, 'v2'),
    before: null,
    after: 'v2',
  },
  {
    title: 'a bad one in the place of one that was stopped',
    prepare: async (host, versions) => {
      await first(host, versions);
      await versions.stop(NAME, silent, signal);
    },
    act: (host, versions) => deploy(host, versions, 'v2', { exitCode: 1 }),
    before: null,
    after: null,
  },
  {
    title: 'back to the version before, with a rule',
    prepare: two,
    act: (_host, versions) => versions.rollback({ ...wanted, keep: 2 }, silent, signal),
    before: 'v2',
    after: 'v1',
    isGapless: true,
  },
  {
    title: 'back to the version before, without a rule',
    withoutRule: true,
    prepare: two,
    act: (_host, versions) => versions.rollback({ ...wanted, keep: 2 }, silent, signal),
    before: 'v2',
    after: 'v1',
  },
  {
    title: 'forth again to one that is newer',
    prepare: async (host, versions) => {
      await two(host, versions);
      await versions.rollback({ ...wanted, keep: 2 }, silent, signal);
    },
    act: (_host, versions) => versions.rollback({ ...wanted, keep: 2, generation: 2 }, silent, signal),
    before: 'v1',
    after: 'v2',
  },
  {
    title: 'a restart',
    prepare: first,
    act: (_host, versions) => versions.restart(wanted, silent, signal),
    before: 'v1',
    after: 'v1',
  },
  {
    title: 'a stop',
    prepare: first,
    act: (_host, versions) => versions.stop(NAME, silent, signal),
    before: 'v1',
    after: null,
  },
  {
    title: 'a stop of one that is always started',
    prepare: (host, versions) => deploy(host, versions, 'v1', {}, always),
    act: (_host, versions) => versions.stop(NAME, silent, signal),
    before: 'v1',
    after: null,
  },
  {
    title: 'a start',
    prepare: async (host, versions) => {
      await first(host, versions);
      await versions.stop(NAME, silent, signal);
    },
    act: (_host, versions) => versions.start(wanted, silent, signal),
    before: null,
    after: 'v1',
  },
  {
    title: 'a removal',
    prepare: two,
    act: (_host, versions) => versions.remove(NAME, silent, signal),
    before: 'v2',
    after: null,
  },
];

/** One version serves, or none; beside it there are old ones that do not run, and nothing else. */
function expectRight(host: ScriptedHost, { before, after }: Scene, where: string): void {
  expect([before, after], where).toContain(host.serving());
  expect(host.running().length, where).toBeLessThanOrEqual(1);
  expect([...host.rules], where).toEqual([]);
  for (const { name, state, restart, spec } of host.engine.containers.values()) {
    const role = roleOfName(PREFIX + NAME, name)?.role;
    expect(['serving', 'old'], `${where}: ${name}`).toContain(role);
    if (state === 'running') {
      expect(role, where).toBe('serving');
      const policy = spec.Labels?.['io.local-datastore.restart'];
      // One that was not made here keeps its own, and has ours once it came back.
      const policies = policy === undefined ? ['always', 'unless-stopped'] : [policy];
      expect(policies, where).toContain(restartPolicyText(restart));
    }
    if (role === 'old') expect(restartPolicyText(restart), `${where}: ${name}`).toBe('no');
  }
}

/** @returns whether it came to its end before that many effects */
async function actUntil(scene: Scene, host: ScriptedHost, crashAt: number): Promise<boolean> {
  const { withoutRule = false } = scene;
  await scene.prepare(host, host.startSwitch({ withoutRule }));
  try {
    await scene.act(host, host.startSwitch({ withoutRule, crashAt }));
    return true;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return false;
  }
}

async function converge(
  host: ScriptedHost,
  { withoutRule = false }: Scene,
  crashAt?: number,
): Promise<boolean> {
  try {
    const options = crashAt === undefined ? { withoutRule } : { withoutRule, crashAt };
    await host.startSwitch(options).convergeAll(signal);
    return true;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return false;
  }
}

describe.each(SCENES)('$title', (scene) => {
  it('comes to what is wanted', async () => {
    const host = createScriptedHost();
    expect(await actUntil(scene, host, Number.POSITIVE_INFINITY)).toBe(true);
    expect(host.serving()).toBe(scene.after);
    expectRight(host, { ...scene, before: scene.after }, 'in the end');
  });

  it.each([
    ['', false],
    [' and the machine started again', true],
  ])('ended at each effect%s, it is put right', async (_what, isRebooted) => {
    let crashes = 0;
    for (let crashAt = 1; ; crashAt += 1) {
      const host = createScriptedHost();
      if (await actUntil(scene, host, crashAt)) break;
      crashes += 1;
      const where = `${crashAt}: ${host.effects.at(-1)}`;
      if (scene.isGapless) expect([scene.before, scene.after], where).toContain(host.serving());
      if (isRebooted) {
        host.engine.reboot();
        host.rules.clear();
      }
      await converge(host, scene);
      expectRight(host, scene, where);
      const done = host.effects.length;
      await converge(host, scene);
      expect(host.effects.slice(done), `${where}, again`).toEqual([]);
    }
    expect(crashes).toBeGreaterThan(0);
  });

  it('ended at each effect, and at each of what puts it right', async () => {
    for (let crashAt = 1; ; crashAt += 1) {
      let hasEnded = false;
      for (let again = 1; ; again += 1) {
        const host = createScriptedHost();
        hasEnded = await actUntil(scene, host, crashAt);
        if (hasEnded || (await converge(host, scene, again))) break;
        await converge(host, scene);
        expectRight(host, scene, `${crashAt}, then ${again}: ${host.effects.slice(-3)}`);
      }
      if (hasEnded) break;
    }
  });

  it('ended at each effect, it can be done again', async () => {
    for (let crashAt = 1; ; crashAt += 1) {
      const host = createScriptedHost();
      if (await actUntil(scene, host, crashAt)) break;
      const where = `${crashAt}: ${host.effects.at(-1)}`;
      const versions = host.startSwitch({ withoutRule: scene.withoutRule ?? false });
      const outcome = await deploy(host, versions, 'v9');
      expect(outcome, where).toMatchObject({
        kind: 'committed',
        serving: 'ed_web:v9',
      } satisfies Partial<SwitchOutcome>);
      expectRight(host, { ...scene, before: 'v9', after: 'v9' }, where);
    }
  });
});
