// SPDX-License-Identifier: Apache-2.0
/** Versions are switched with a Docker engine that nobody here wrote, while another host asks all the time. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ContainerSpec } from '../../eve-agent/src/launch/engine/container-spec.ts';
import type { WantedVersion } from '../../eve-agent/src/launch/switch/switch-contract.ts';
import { ENGINE_KINDS, type EngineKind } from '../lab/engine-kinds.ts';
import type { Asker, Seen } from '../lab/switch/asker.ts';
import { createSwitchHost, NAME, type SwitchHost, URL_OUTSIDE } from '../lab/switch/switch-host.ts';
import { describeWith } from '../requirements.ts';

/** nginx takes it for a line of its configuration: how it answers. */
const answering = (line: string): Partial<ContainerSpec> => ({ Env: [`ANSWER=${line}`] });
/** Its files are another's too: there can be only one at a time. */
const exclusive: Partial<ContainerSpec> = { HostConfig: { Binds: ['/tmp:/shared'] } };
const crashing: Partial<ContainerSpec> = {
  Cmd: ['/bin/sh', '-c', 'echo starting; echo cannot find config >&2; exit 3'],
};

function switchesVersions(kind: EngineKind): void {
  let host: SwitchHost;
  let asker: Asker | undefined;
  beforeAll(async () => {
    host = await createSwitchHost(kind);
    for (const word of ['v1', 'v2', 'v3', 'v4']) await host.buildImage(word);
  });
  afterAll(() => host?.stop());
  afterEach(async () => {
    await asker?.stop();
    asker = undefined;
    const { exitCode } = await host.engine.run('inspect', `ed_${NAME}`);
    if (exitCode === 0) await host.run({ action: { kind: 'remove', name: NAME } });
  });

  type Options = Parameters<SwitchHost['version']>;
  const deploy = (word: string, spec?: Options[1], wanted?: Partial<WantedVersion>, withoutRule = false) =>
    host.run({ withoutRule, action: { kind: 'deploy', version: host.version(word, spec, wanted) } });
  async function ask(): Promise<string> {
    return (await host.neighbour.run(['curl', '--silent', '--max-time', '20', URL_OUTSIDE])).stdout;
  }
  async function expectOneServing(word: string, olds: readonly number[] = []): Promise<void> {
    expect(await ask()).toBe(word);
    const expected = [
      [`ed_${NAME}`, 'running'],
      ...olds.map((number) => [`ed_${NAME}.old-${number}`, 'exited']),
    ];
    expect([...(await host.containers())].sort()).toEqual(expected.sort());
    expect(await host.rules()).toEqual([]);
  }
  const wordsOf = ({ words }: Seen) => Object.keys(words).sort();

  // kamal #19, octohost #65, dokku #562: the old one ends before the new one has shown that it is well.
  test('the new version has the ports by a rule: no request of another host fails', async () => {
    await deploy('v1');
    asker = await host.startAsking();
    const { outcome, steps } = await deploy('v2');
    expect(outcome).toMatchObject({ kind: 'committed', generation: 2, how: 'bridged', warnings: [] });
    expect(outcome).toMatchObject({ serving: 'ed_web:v2', gap: { failed: 0 }, gapMs: 0 });
    const seen = await asker.look();
    expect([seen.failed, wordsOf(seen)]).toEqual([0, ['v1', 'v2']]);
    expect(steps.indexOf('add-rule candidate')).toBeLessThan(steps.indexOf('stop serving'));
    await expectOneServing('v2', [1]);
    const policy = ['inspect', '--format', '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.Init}}'];
    expect(await host.engine.docker(...policy, 'ed_web')).toBe('unless-stopped true\n');
    expect(await host.engine.docker(...policy, 'ed_web.old-1')).toBe('no true\n');

    const back = await host.run({ action: { kind: 'rollback', name: NAME } });
    expect(back.outcome).toMatchObject({
      kind: 'committed',
      generation: 1,
      how: 'bridged',
      gap: { failed: 0 },
    });
    expect((await asker.look()).failed).toBe(0);
    await expectOneServing('v1', [2]);
  });

  test('without a rule the old version stops last, and the gap is told', async () => {
    await deploy('v1');
    asker = await host.startAsking();
    const { outcome } = await deploy('v2', {}, {}, true);
    expect(outcome).toMatchObject({ kind: 'committed', how: 'beside', gap: { failed: expect.any(Number) } });
    const seen = await asker.look();
    expect(seen.failed).toBeGreaterThan(0);
    expect(outcome?.gap?.failed).toBeGreaterThan(0);
    await expectOneServing('v2', [1]);
    const inPlace = await deploy('v3', exclusive);
    expect(inPlace.outcome).toMatchObject({ kind: 'committed', how: 'in-place' });
    expect(inPlace.steps).not.toContain('create candidate');
    await expectOneServing('v3', [1, 2]);
  });

  // watchtower #444, #90, #1134, portainer #8008: a bad version stays, or nothing does.
  test.each([
    ['ends at once', crashing, 'EXITED', /exited with 3/],
    ['answers 503', answering('return 503;'), 'UNHEALTHY', /it answers 503/],
    [
      'is not well by its own HEALTHCHECK',
      {
        Healthcheck: { Test: ['CMD-SHELL', 'echo broken; exit 1'], Interval: 1e9, Timeout: 5e9, Retries: 1 },
      },
      'UNHEALTHY',
      /its check ends with 1: broken/,
    ],
    ['has a program that is not there', { Cmd: ['/none'] }, 'EXITED', /exited with 127/],
  ] as const)('a version that %s leaves the old one alone', async (_what, spec, code, why) => {
    await deploy('v1');
    // moby #37972: what is well is killed on the way back.
    const untouched = () =>
      host.engine.docker('inspect', '--format', '{{.Id}} {{.State.StartedAt}}', `ed_${NAME}`);
    const before = await untouched();
    asker = await host.startAsking();
    const quick = { ...host.version('v1').health, startPeriodMs: 500, retries: 1, timeoutMs: 500 };
    const health = code === 'UNHEALTHY' && 'Healthcheck' in spec ? null : (quick as WantedVersion['health']);
    const { outcome, steps } = await deploy('v2', spec, { health });
    expect(outcome).toMatchObject({
      kind: 'kept',
      code,
      why: expect.stringMatching(why),
      serving: 'ed_web:v1',
    });
    if (spec === crashing) {
      expect(outcome).toMatchObject({ logs: expect.arrayContaining(['starting', 'cannot find config']) });
    }
    expect(steps).not.toContain('stop serving');
    expect(await asker.look()).toMatchObject({ failed: 0 });
    await expectOneServing('v1');
    expect(await untouched()).toBe(before);
    // Nothing is made of its image any more.
    expect(await host.engine.docker('images', '--format', '{{.Tag}}', 'ed_web')).not.toContain('v2');
  });

  // rask #563: where the port is the host's, the old one has to stop first, and there is no way back to it.
  test('a version that cannot be tried beside the old one is taken back', async () => {
    await deploy('v1');
    const { outcome } = await deploy('v2', { ...crashing, ...exclusive });
    expect(outcome).toMatchObject({ kind: 'kept', code: 'EXITED', serving: 'ed_web:v1' });
    await expectOneServing('v1');
    const taken = { '80/tcp': [{ HostIp: '', HostPort: '8099' }] };
    await host.engine.docker('run', '--detach', '--name', 'foreign', '--publish', '8099:80', 'stored:v3');
    const port = await deploy('v2', { HostConfig: { PortBindings: taken } });
    expect(port.outcome).toMatchObject({ kind: 'kept', code: 'ENGINE_REFUSED', serving: 'ed_web:v1' });
    expect(port.outcome).toMatchObject({ why: expect.stringMatching(/8099.*already allocated/) });
    await host.engine.docker('rm', '--force', 'foreign');
    await expectOneServing('v1');
  });

  // watchtower #1385: it is missing, and the old container is gone already.
  test('an image under the tag of which is another is not taken', async () => {
    await deploy('v1');
    const { id } = host.version('v3').image;
    const outcome = (await deploy('v2', {}, { image: { ...host.version('v2').image, id } })).outcome;
    expect(outcome).toMatchObject({ kind: 'kept', code: 'IMAGE_MISSING', serving: 'ed_web:v1' });
    await expectOneServing('v1');
  });

  test('so many old versions are kept, and their images', async () => {
    for (const word of ['v1', 'v2', 'v3', 'v4']) await deploy(word, exclusive, { keep: 1 });
    await expectOneServing('v4', [3]);
    const tags = (await host.engine.docker('images', '--format', '{{.Tag}}', 'ed_web')).trim().split('\n');
    expect(tags.sort()).toEqual(['latest', 'v3', 'v4']);
  });

  test('what was stopped stays stopped while the engine starts again; what was not comes back', async () => {
    await deploy('v1', { HostConfig: { RestartPolicy: { Name: 'always' } } });
    await host.restartEngine();
    await expect.poll(ask).toBe('v1');
    await host.run({ action: { kind: 'stop', name: NAME } });
    await host.restartEngine();
    const converged = await host.run({ action: { kind: 'converge' } });
    expect(converged.outcome).toMatchObject({ [NAME]: { kind: 'committed', serving: null } });
    expect(await host.containers()).toEqual(new Map([['ed_web', 'exited']]));
    const started = await host.run({ action: { kind: 'start', name: NAME } });
    expect(started.outcome).toMatchObject({ kind: 'committed', serving: 'ed_web:v1' });
    await expectOneServing('v1');
    const format = ['inspect', '--format', '{{.HostConfig.RestartPolicy.Name}}', 'ed_web'];
    expect(await host.engine.docker(...format)).toBe('always\n');
    const restarted = await host.run({ action: { kind: 'restart', name: NAME } });
    expect(restarted.outcome).toMatchObject({ kind: 'committed', serving: 'ed_web:v1' });
    await expectOneServing('v1');
  });

  test('an engine that starts again in the middle: the old version serves, and it is said why', async () => {
    await deploy('v1');
    const settling = host.run({
      action: { kind: 'deploy', version: host.version('v2', {}, { settleMs: 60_000 }) },
    });
    await expect.poll(async () => (await host.containers()).get('ed_web')).toBe('exited');
    await expect.poll(async () => (await host.containers()).get('ed_web.new')).toBe('running');
    await host.restartEngine();
    const { outcome } = await settling;
    expect(outcome).toMatchObject({ kind: 'kept', code: 'ENGINE_AWAY', serving: 'ed_web:v1' });
    await expectOneServing('v1');
  });

  test('takes the place of a container that somebody else made, and goes back to it', async () => {
    await host.engine.docker(
      ...['run', '--detach', '--name', 'ed_web', '--restart', 'always', '--publish', '8080:80', 'stored:v1'],
    );
    const { outcome } = await deploy('v2');
    expect(outcome).toMatchObject({ kind: 'committed', generation: 1, how: 'bridged' });
    await expectOneServing('v2', [0]);
    const back = await host.run({ action: { kind: 'rollback', name: NAME } });
    expect(back.outcome).toMatchObject({ kind: 'committed', generation: 0, serving: 'stored:v1' });
    await expectOneServing('v1', [1]);
  });
}

for (const kind of ENGINE_KINDS) {
  describeWith(
    ['lab', 'root', 'dockerd', kind.requirement, 'iptables', 'nginx', 'curl'],
    `a deployment of ${kind.title}`,
    () => switchesVersions(kind),
  );
}
