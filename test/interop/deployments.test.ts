// SPDX-License-Identifier: Apache-2.0
/** Deployments by curl with client certificates, on a Docker engine: every operation, and what goes wrong with each. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operationProgressSchema } from '../../eve-agent/src/cli/deploy/operation-lines.ts';
import {
  createDeploymentHost,
  DEPLOYMENTS_URL,
  type DeploymentHost,
  WEB_PORT,
} from '../lab/deployments/deployment-host.ts';
import { DEBIAN_ENGINE, ENGINE_KINDS, type EngineKind } from '../lab/engine-kinds.ts';
import { describeWith } from '../requirements.ts';

const WEB = {
  name: 'website',
  args: ['-p', `${WEB_PORT}:80`],
  health: { kind: 'http', port: 80, intervalSeconds: 0.3, startPeriodSeconds: 120 },
  settle: '300ms',
  keep: 2,
  stopTimeout: 3,
};
const DEPLOYMENTS = [
  WEB,
  { name: 'privileged', args: ['--privileged'] },
  { name: 'wrong', args: ['--no-such-flag'] },
  { name: 'sick', args: ['-e', 'ANSWER=return 500;'], health: { ...WEB.health, startPeriodSeconds: 1 } },
  {
    name: 'crashing',
    args: ['--entrypoint', '/bin/sh', 'IMAGE', '-c', 'echo cannot find config >&2; exit 3'],
  },
  { name: 'NoImage' },
];
const LINES = ['--header', 'Accept: application/x-ndjson'];

const linesOf = (body: string) =>
  body
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** @param kind but for Debian's only what the engine itself has a part in is tried */
function deploys(kind: EngineKind): void {
  /** The others are not there at all: they are not passed over for want of something. */
  const ofDebian = <Case>(cases: readonly Case[]) => (kind === DEBIAN_ENGINE ? cases : []);
  const itOfDebian = (title: string, test: () => Promise<void>) => {
    if (kind === DEBIAN_ENGINE) it(title, test);
  };
  let host: DeploymentHost;
  let v1: string;
  let v2: string;
  let v3: string;
  const ci = () => host.client('ci');
  const call = (path: string, ...args: readonly string[]) =>
    host.curl(ci(), `/v1/deployments/website${path}`, ...args);
  const json = (body: string) => JSON.parse(body) as Record<string, unknown>;
  const post = async (operation: string) => {
    const { status, body } = await call(`/${operation}`, '--request', 'POST');
    return { status, ...json(body) };
  };
  const show = async () => json((await call('')).body);

  beforeAll(async () => {
    host = await createDeploymentHost(['ci', 'viewer'], kind);
    v1 = await host.archive('v1');
    v2 = await host.archive('v2');
    v3 = await host.archive('v3');
    await host.configure({ deployments: DEPLOYMENTS });
    await host.startAgent();
  });
  afterAll(() => host?.stop());

  itOfDebian('are listed, each with what is wrong with it alone', async () => {
    const { status, body } = await host.curl(ci(), '/v1/deployments');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject([
      { name: 'website', state: 'stopped', image: '', health: 'unknown', problem: null },
      { name: 'privileged', problem: expect.stringContaining('"privileged" in "allow"') },
      { name: 'wrong', problem: expect.stringContaining('--no-such-flag') },
      { name: 'sick', problem: null },
      { name: 'crashing', problem: null },
      { name: 'deployments[5]', problem: expect.stringContaining('small letters') },
    ]);
    expect(host.log()).toContain('any certificate of the authority may do everything');
  });

  itOfDebian('nothing can be done with what is not there', async () => {
    for (const operation of ['start', 'stop', 'restart', 'rollback']) {
      expect(await post(operation)).toMatchObject({ status: 409, code: 'NOTHING_DEPLOYED' });
    }
    for (const path of ['/logs', '/inspect']) expect((await call(path)).status).toBe(409);
    expect((await call('', '--request', 'DELETE')).status).toBe(409);
  });

  it('a gzip stream of docker save is deployed, as ed-daemon’s manual sends it', async () => {
    const { status, body } = await host.shell(
      ci(),
      `gzip -c ${v1} | $CURL -T - $URL/v1/deployments/website/load`,
    );
    expect([status, json(body)]).toEqual([
      200,
      expect.objectContaining({ name: 'website', operation: 'load', state: 'running', generation: 1 }),
    ]);
    expect(await host.ask()).toBe('v1');
    expect(await show()).toMatchObject({
      state: 'running',
      generation: 1,
      image: json(body).image,
      kept: [],
    });
  });

  it('the next one comes by zstd, POST and the short path, and tells each step', async () => {
    const line = `zstd -qc ${v2} | $CURL --request POST -H 'Content-Type: application/x-tar' -H 'Accept: application/x-ndjson' -T - $URL/v1/website/load`;
    const { status, body } = await host.shell(ci(), line);
    const lines = linesOf(body);
    expect(status).toBe(200);
    expect(lines[0]).toEqual({ event: 'begun', operation: 'load', deployment: 'website' });
    expect(lines.at(-1)).toMatchObject({ event: 'done', generation: 2, state: 'running' });
    for (const told of lines.slice(0, -1)) expect(operationProgressSchema.parse(told)).toEqual(told);
    for (const event of ['received', 'loaded', 'step'])
      expect(lines).toContainEqual(expect.objectContaining({ event }));
    expect(await host.ask()).toBe('v2');
    expect(await show()).toMatchObject({ generation: 2, kept: [1] });
  });

  it('a roll-back leads to the one before', async () => {
    expect(await post('rollback')).toMatchObject({ status: 200, operation: 'rollback', state: 'running' });
    expect(await host.ask()).toBe('v1');
  });

  it('is stopped, started and started again', async () => {
    expect(await post('stop')).toMatchObject({ status: 200, state: 'stopped' });
    expect(await host.ask()).toBe('');
    expect(await show()).toMatchObject({ state: 'stopped', wanted: 'stopped' });
    expect(await post('start')).toMatchObject({ status: 200, state: 'running' });
    expect(await host.ask()).toBe('v1');
    const { startedAt } = await show();
    expect(await post('restart')).toMatchObject({ status: 200, state: 'running' });
    expect(await host.ask()).toBe('v1');
    expect((await show()).startedAt).not.toBe(startedAt);
  });

  itOfDebian('shows log, container and history', async () => {
    await host.engine.docker('exec', 'ed_website', '/bin/sh', '-c', 'echo said > /proc/1/fd/1');
    await expect.poll(async () => (await call('/logs?tail=1')).body).toContain('said');
    const line = json((await call('/logs?tail=1&timestamps', ...LINES)).body);
    expect(line).toMatchObject({ stream: 'stdout', text: expect.stringContaining('said') });
    expect(line.at).toMatch(/^20\d\d-/);
    const followed = await host.shell(
      ci(),
      `$CURL --no-buffer --max-time 20 "$URL/v1/deployments/website/logs?follow&tail=0" | head -n 1 & sleep 2; docker -H unix://${host.at('engine/docker.sock')} exec ed_website /bin/sh -c 'echo followed > /proc/1/fd/1'; wait`,
    );
    expect(followed.body + String(followed.status)).toContain('followed');
    expect(json((await call('/inspect')).body)).toMatchObject({ Name: '/ed_website' });
    const history = JSON.parse((await call('/history?count=3')).body) as object[];
    expect(history).toMatchObject([
      { operation: 'restart', outcome: 'done', by: 'CN=ci' },
      { operation: 'start', outcome: 'done' },
      { operation: 'stop', outcome: 'done' },
    ]);
    expect((await call('/logs?tail=x')).status).toBe(400);
  });

  describe('what is bad leaves what serves', () => {
    const damages: [title: string, command: () => string, status: number, code: string][] = [
      ['cut off', () => `head -c 3000000 ${v3}`, 422, 'ARCHIVE_CUT_OFF'],
      ['cut off within gzip', () => `gzip -c ${v3} | head -c 300000`, 422, 'ARCHIVE_CUT_OFF'],
      ['empty', () => 'true', 422, 'ARCHIVE_EMPTY'],
      ['no archive', () => 'echo hello', 422, 'ARCHIVE_UNKNOWN'],
    ];
    it.each(ofDebian(damages))('%s', async (_title, command, status, code) => {
      const answer = await host.shell(ci(), `${command()} | $CURL -T - $URL/v1/deployments/website/load`);
      expect([answer.status, json(answer.body).code]).toEqual([status, code]);
      expect(await host.ask()).toBe('v1');
    });

    it('one layer with another byte', async () => {
      const bytes = await readFile(v3);
      // Nearly all of the archive is its one layer, which a newer engine saves compressed.
      const at = Math.floor(bytes.length / 2);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      await writeFile(host.at('flipped.tar'), bytes);
      const { status, body } = await call('/load', '--upload-file', host.at('flipped.tar'));
      expect([status, json(body).code]).toEqual([422, 'LAYER_DAMAGED']);
      expect(await host.ask()).toBe('v1');
    });

    itOfDebian('an unhealthy one, a crash at once: why, what it said, what serves', async () => {
      await host.configure({
        deployments: [
          { ...WEB, args: [...WEB.args, ...(DEPLOYMENTS[4]?.args ?? [])] },
          ...DEPLOYMENTS.slice(1),
        ],
      });
      const crashed = await call('/load', '--upload-file', v3);
      expect(json(crashed.body)).toMatchObject({
        status: 422,
        code: 'EXITED',
        why: expect.stringContaining('3'),
        logs: expect.arrayContaining([expect.stringContaining('cannot find config')]),
        serving: (await show()).image,
      });
      await host.configure({
        deployments: [
          {
            ...WEB,
            args: [...WEB.args, '-e', 'ANSWER=return 500;'],
            health: { ...WEB.health, startPeriodSeconds: 1 },
          },
          ...DEPLOYMENTS.slice(1),
        ],
      });
      const sick = linesOf((await call('/load', ...LINES, '--upload-file', v3)).body).at(-1);
      const { image: serving } = await show();
      expect(sick).toMatchObject({ event: 'failed', status: 422, code: 'UNHEALTHY', serving });
      await host.configure({ deployments: DEPLOYMENTS });
      expect(await host.ask()).toBe('v1');
    });

    const refusals: [name: string, status: number, code: string][] = [
      ['nothing', 404, 'DEPLOYMENT_UNKNOWN'],
      ['privileged', 422, 'DEPLOYMENT_UNUSABLE'],
      ['wrong', 422, 'DEPLOYMENT_UNUSABLE'],
    ];
    it.each(ofDebian(refusals))('%s is refused before its archive is sent', async (name, status, code) => {
      const sent = ['--write-out', '%{size_upload}\n%{http_code}'];
      const expecting = ['--header', 'Expect: 100-continue', '--expect100-timeout', '60'];
      const answer = await host.curl(
        ci(),
        `/v1/deployments/${name}/load`,
        ...[...expecting, ...sent, '--upload-file', v3],
      );
      expect(answer.status).toBe(status);
      expect(answer.body).toContain(`"code":"${code}"`);
      expect(answer.body).toMatch(/\}\n0$/);
    });

    itOfDebian('what is announced too large is refused before it is sent', async () => {
      await host.configure({ deployments: DEPLOYMENTS, maxImageSize: '1M' });
      await expect.poll(async () => (await call('/load', '--upload-file', v3)).status).toBe(413);
      const piped = await host.shell(ci(), `cat ${v3} | $CURL -T - $URL/v1/deployments/website/load`);
      expect(piped.status).toBe(413);
      await host.configure({ deployments: DEPLOYMENTS });
    });
  });

  itOfDebian('one operation at a time: the other is told what runs, since when, and for whom', async () => {
    const slow = host.shell(
      ci(),
      `(head -c 100000 ${v3}; sleep 6; tail -c +100001 ${v3}) | $CURL -T - $URL/v1/deployments/website/load`,
    );
    await expect.poll(async () => (await show()).operation).toMatchObject({ operation: 'load', by: 'CN=ci' });
    expect(await post('stop')).toMatchObject({
      status: 409,
      code: 'OPERATION_RUNNING',
      operation: 'load',
      since: expect.stringMatching(/^20/),
      by: 'CN=ci',
    });
    expect((await slow).status).toBe(200);
    expect(await host.ask()).toBe('v3');
  });

  itOfDebian('who goes away while sending leaves all as it was, and no lock', async () => {
    await host.shell(
      ci(),
      `(head -c 100000 ${v2}; sleep 2) | $CURL --max-time 1 -T - $URL/v1/deployments/website/load`,
    );
    await expect.poll(async () => (await show()).operation).toBeNull();
    expect(await host.ask()).toBe('v3');
    expect(await post('prune')).toMatchObject({ status: 200 });
  });

  itOfDebian('the same by the commands, over TCP and the socket', async () => {
    const api = [
      ...['--api', DEPLOYMENTS_URL, '--server-ca', host.at('ca.crt')],
      ...['--client-certificate', ci().certificate, '--client-key', ci().key],
    ];
    const loaded = await host.agent('deploy', 'load', v2, 'website', '--json', ...api);
    expect(loaded).toMatchObject({ exitCode: 0 });
    expect(json(loaded.stdout)).toMatchObject({ operation: 'load', state: 'running' });
    expect(await host.ask()).toBe('v2');
    const local = ['--state', host.state];
    expect((await host.agent('deploy', 'list', ...local)).stdout).toMatch(/website +running/);
    expect((await host.agent('deploy', 'rollback', 'website', ...local)).stdout).toContain('rollback done');
    expect(await host.ask()).toBe('v3');
    const damaged = await host.agent('deploy', 'load', host.at('flipped.tar'), 'website', ...local);
    expect(damaged).toMatchObject({ exitCode: 5, stdout: '' });
    const unknown = await host.agent('deploy', 'stop', 'nothing', ...local);
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('there is no deployment') });
    const history = await host.agent('deploy', 'history', 'website', ...local);
    expect(history.stdout.split('\n')[1]).toMatch(/load +failed .* local/);
  });

  itOfDebian('an agent that is killed and started again finds all as it was', async () => {
    await host.endAgent('SIGKILL');
    expect(await host.ask()).toBe('v3');
    await host.startAgent();
    expect(await show()).toMatchObject({ state: 'running' });
    expect(await host.ask()).toBe('v3');
  });

  // kamal #1844, bike_index #4313: what is killed leaves a lock, for four weeks.
  itOfDebian('an agent that is killed in the middle of an operation leaves no lock', async () => {
    const sending = host.shell(
      ci(),
      `(head -c 100000 ${v2}; sleep 60) | $CURL -T - $URL/v1/deployments/website/load`,
    );
    await expect.poll(async () => (await show()).operation).toMatchObject({ operation: 'load' });
    await host.endAgent('SIGKILL');
    await host.startAgent();
    expect(await show()).toMatchObject({ state: 'running', operation: null });
    expect(await post('restart')).toMatchObject({ status: 200 });
    expect(await host.ask()).toBe('v3');
    await sending;
  });

  itOfDebian('other arguments in the configuration are told of, and put in force by a restart', async () => {
    const local = ['--state', host.state];
    const configure = (answer: string, more: object = {}) =>
      host.configure({ deployments: [{ ...WEB, args: [...WEB.args, '-e', `ANSWER=${answer}`], ...more }] });
    const before = await show();
    expect(before).toMatchObject({ drift: [] });
    await configure('return 200 other;');
    expect(await show()).toMatchObject({ startedAt: before.startedAt, drift: ['args'] });
    expect((await host.agent('deploy', 'list', ...local)).stdout).toContain(
      'the configuration has other args by now: restart puts it in force',
    );
    expect(json((await call('/inspect')).body)).toMatchObject({ Name: '/ed_website', Drift: ['args'] });
    const restarted = await host.agent('deploy', 'restart', 'website', ...local);
    expect(restarted.stdout).toContain('a new version of the same image, by other args');
    expect(await host.ask()).toBe('other');
    expect(await show()).toMatchObject({ image: before.image, drift: [], problem: null });

    await configure('return 500;', { health: { ...WEB.health, startPeriodSeconds: 1, retries: 1 } });
    expect(await post('restart')).toMatchObject({ status: 422, code: 'UNHEALTHY', serving: before.image });
    expect(await host.ask()).toBe('other');
    await configure('return 200 other;', { health: { kind: 'tcp', port: 80 }, stopTimeout: 4 });
    expect(await show()).toMatchObject({ drift: ['health', 'stopTimeout'] });
    expect(await post('restart')).toMatchObject({ status: 200, applied: ['health', 'stopTimeout'] });
    expect(await post('restart')).toMatchObject({ status: 200, applied: [] });

    await post('stop');
    await configure('return 200 started;');
    expect(await post('start')).toMatchObject({ status: 200, applied: ['args', 'health', 'stopTimeout'] });
    expect(await host.ask()).toBe('started');
    await host.configure({ deployments: [{ ...WEB, args: ['--no-such-flag'] }] });
    expect(await post('restart')).toMatchObject({ status: 422, code: 'DEPLOYMENT_UNUSABLE' });
    expect(await host.ask()).toBe('started');
    await host.configure({ deployments: DEPLOYMENTS });
  });

  it('is removed, with all its versions and images, and nothing else', async () => {
    await host.engine.docker('tag', (await show()).image as string, 'others:1');
    const { status, body } = await call('', '--request', 'DELETE');
    expect([status, json(body)]).toMatchObject([200, { operation: 'delete', generation: null }]);
    expect((await host.engine.docker('ps', '--all', '--quiet')).trim()).toBe('');
    const images = (await host.engine.docker('images', '--format', '{{.Repository}}')).trim().split('\n');
    expect(images).toEqual(['others']);
    expect(await host.ask()).toBe('');
  });

  itOfDebian('has a line before and one after each operation in its audit log', async () => {
    const lines = await host.audit();
    const begun = lines.filter(({ outcome }) => outcome === 'begun');
    expect(begun.length).toBeGreaterThan(10);
    // The one that was killed has no end.
    const ends = begun.filter(({ id }) => lines.some((line) => line.id === id && line.outcome !== 'begun'));
    expect(begun.length - ends.length).toBe(1);
    for (const { id, operation } of ends) {
      const ended = lines.filter((line) => line.id === id && line.outcome !== 'begun');
      expect(ended).toHaveLength(1);
      expect(ended[0]).toMatchObject({
        operation,
        deployment: 'website',
        outcome: expect.stringMatching(/done|failed/),
      });
    }
    expect(lines).toContainEqual(
      expect.objectContaining({
        ...{ who: 'CN=ci', sha256: expect.stringMatching(/^[0-9a-f]{64}$/), from: '10.1.0.1' },
        ...{ operation: 'delete', outcome: 'done' },
      }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ who: 'local', operation: 'rollback', outcome: 'done' }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ operation: 'stop', outcome: 'refused', code: 'OPERATION_RUNNING' }),
    );
    const log = await readFile(join(host.state, 'launch', 'audit.jsonl'), 'utf8');
    const [, secret = 'none'] = (await readFile(ci().key, 'utf8')).split('\n');
    expect(log + host.log()).not.toContain(secret);
  });

  it('an engine that is away is said to be, and all goes on when it is back', async () => {
    await host.engine.stop();
    expect(await post('prune')).toMatchObject({ status: 503, code: 'ENGINE_UNREACHABLE' });
    expect((await call('')).status).toBe(503);
    await host.startEngine();
    expect((await call('')).status).toBe(200);
  });
}

for (const kind of ENGINE_KINDS) {
  describeWith(
    ['lab', 'root', 'dockerd', kind.requirement, 'iptables', 'nginx', 'openssl'],
    `deployments on ${kind.title}`,
    () => deploys(kind),
  );
}
