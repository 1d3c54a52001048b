// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from './caller.ts';
import { parseDistinguishedName } from './client-names.ts';
import type { OperationEvent } from './deployment-view.ts';
import type { ChangingOperation } from './operations.ts';
import { createScriptedDeployments, type ScriptedDeployments } from './testing/scripted-deployments.ts';

const HEALTH = { kind: 'http', port: 80 };
const DEPLOYMENTS = [
  { name: 'web', health: HEALTH, image: 'docker://ds.local/web:v7', keep: 2 },
  { name: 'db' },
  { name: 'wrong', args: ['--privileged'] },
];
const LOCAL: Caller = { kind: 'local', from: 'socket' };
const callerOf = (subject: string): Caller => ({
  kind: 'certificate',
  identity: { subject: parseDistinguishedName(subject), alternativeNames: [], sha256: 'ab'.repeat(32) },
  from: '10.1.0.7',
});
const { signal } = new AbortController();

let folder: string;
let scripted: ScriptedDeployments;
let events: OperationEvent[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deployments-'));
  scripted = createScriptedDeployments(folder, { deployments: DEPLOYMENTS });
  events = [];
});
afterEach(() => rm(folder, { recursive: true }));

async function* bytes(word: string): AsyncGenerator<Uint8Array> {
  if (word !== '') yield Buffer.from(word);
}
const operate = (operation: ChangingOperation, name = 'web', caller: Caller = LOCAL) =>
  scripted.deployments.operate(caller, name, operation, {}, (event) => events.push(event), signal);
const load = (word: string, name = 'web', caller: Caller = LOCAL) =>
  scripted.deployments.operate(
    caller,
    name,
    'load',
    { openBody: () => bytes(word) },
    (event) => events.push(event),
    signal,
  );
const show = () => scripted.deployments.show(LOCAL, 'web', signal);
const refusal = (operation: Promise<unknown>) => operation.catch((error: unknown) => error);

describe('what is loaded', () => {
  it('serves, is told step by step, and can be gone back from', async () => {
    expect(await show()).toMatchObject({ state: 'stopped', image: '', generation: null, wanted: null });
    expect(await load('v1')).toMatchObject({
      operation: 'load',
      generation: 1,
      image: 'ed_web:v1',
      state: 'running',
    });
    expect(events.map(({ event }) => event).slice(0, 3)).toEqual(['begun', 'received', 'loaded']);
    expect(await load('v2')).toMatchObject({ generation: 2 });
    expect(scripted.host.serving()).toBe('v2');
    expect(await show()).toMatchObject({
      state: 'running',
      kept: [1],
      wanted: 'running',
      configDigest: 'sha256:v2',
    });
    expect(await operate('rollback')).toMatchObject({ operation: 'rollback', image: 'ed_web:v1' });
    expect(scripted.host.serving()).toBe('v1');
  });

  it.each([
    ['crash', 'EXITED', 'cannot find config'],
    ['sick', 'UNHEALTHY', 'hm'],
  ])('%s is taken back: why, its log, and what serves', async (word, code, line) => {
    await load('v1');
    expect(await refusal(load(word))).toMatchObject({
      ...{ code, logs: expect.arrayContaining([line]), serving: 'ed_web:v1' },
    });
    expect(scripted.host.serving()).toBe('v1');
    expect((await scripted.deployments.history(LOCAL, 'web', 1))[0]).toMatchObject({
      ...{ operation: 'load', outcome: 'failed', code, by: 'local' },
    });
  });

  it('and is no image changes nothing', async () => {
    await load('v1');
    expect(await refusal(load(''))).toMatchObject({ code: 'ARCHIVE_EMPTY' });
    expect(scripted.host.serving()).toBe('v1');
  });

  it('comes from a registry, too', async () => {
    expect(await operate('pull')).toMatchObject({ operation: 'pull', image: 'ed_web:v7' });
    const input = { reference: 'docker://ds.local/web:v8' };
    await scripted.deployments.operate(LOCAL, 'web', 'pull', input, () => {}, signal);
    expect(scripted.host.serving()).toBe('v8');
    expect(await refusal(operate('pull', 'db'))).toMatchObject({ code: 'NOTHING_TO_PULL' });
  });
});

it('is stopped, started, pruned and removed', async () => {
  for (const word of ['v1', 'v2', 'v3', 'v4']) await load(word);
  expect((await show()).kept).toEqual([3, 2]);
  expect(await operate('stop')).toMatchObject({ state: 'stopped', removed: [] });
  expect(await show()).toMatchObject({ state: 'stopped', wanted: 'stopped' });
  expect(await operate('start')).toMatchObject({ state: 'running' });
  expect(await operate('restart')).toMatchObject({ state: 'running' });
  scripted.configure({ deployments: [{ ...DEPLOYMENTS[0], keep: 1 }] });
  expect(await operate('prune')).toMatchObject({ removed: ['ed_web.old-2'] });
  expect(await operate('delete')).toMatchObject({
    generation: null,
    removed: expect.arrayContaining(['ed_web']),
  });
  expect(scripted.host.engine.containers.size).toBe(0);
  expect(await show()).toMatchObject({ wanted: 'removed', image: '' });
});

describe('a configuration that changes', () => {
  const [web] = DEPLOYMENTS;
  const configureWeb = (more: object) => scripted.configure({ deployments: [{ ...web, ...more }] });
  const served = () => scripted.host.running().map(({ spec, imageId }) => [spec.Env, imageId]);

  it('is told of, and nothing starts by itself', async () => {
    await load('v1');
    expect(await show()).toMatchObject({ drift: [] });
    configureWeb({ args: ['a'], health: { kind: 'http', port: 80, retries: 9 }, stopTimeout: 3 });
    expect(await show()).toMatchObject({ generation: 1, drift: ['args', 'health', 'stopTimeout'] });
    expect(await scripted.deployments.inspect(LOCAL, 'web', signal)).toMatchObject({
      Drift: ['args', 'health', 'stopTimeout'],
    });
    expect(served()).toEqual([[[], 'sha256:v1']]);
    configureWeb({ args: ['--privileged'] });
    expect(await show()).toMatchObject({ drift: [], problem: 'web may not' });
    configureWeb({ settle: 1, keep: 3, image: 'docker://ds.local/web:v8' });
    expect(await show()).toMatchObject({ drift: [] });
  });

  it.each(['start', 'restart'] as const)('%s puts it in force, by the same image', async (operation) => {
    await load('v1');
    await load('v2');
    expect(await operate(operation)).toMatchObject({ generation: 2, applied: [] });
    configureWeb({ args: ['a'] });
    const done = { generation: 3, image: 'ed_web:v2', state: 'running', applied: ['args'] };
    expect(await operate(operation)).toMatchObject(done);
    expect(served()).toEqual([[['a'], 'sha256:v2']]);
    expect(await show()).toMatchObject({ drift: [], kept: [2, 1], configDigest: 'sha256:v2' });
    expect(await operate(operation)).toMatchObject({ generation: 3, applied: [] });
    // What comes back has what it had, which is told.
    await operate('rollback');
    expect(await show()).toMatchObject({ generation: 2, drift: ['args'] });
  });

  it('and fails leaves what runs', async () => {
    await load('v1');
    configureWeb({ args: ['broken'] });
    expect(await refusal(operate('restart'))).toMatchObject({ code: 'EXITED', serving: 'ed_web:v1' });
    expect(served()).toEqual([[[], 'sha256:v1']]);
    configureWeb({ args: ['--privileged'] });
    expect(await refusal(operate('restart'))).toMatchObject({ code: 'DEPLOYMENT_UNUSABLE' });
    expect(served()).toEqual([[[], 'sha256:v1']]);
  });

  it('while it is stopped is in force from the start on, and where it fails it stays stopped', async () => {
    await load('v1');
    await operate('stop');
    configureWeb({ args: ['broken'] });
    expect(await refusal(operate('start'))).toMatchObject({ code: 'EXITED', serving: null });
    expect(served()).toEqual([]);
    configureWeb({ args: ['b'] });
    expect(await show()).toMatchObject({ state: 'stopped', drift: ['args'] });
    expect(await operate('start')).toMatchObject({ state: 'running', applied: ['args'] });
    expect(served()).toEqual([[['b'], 'sha256:v1']]);
  });

  it('of a version whose image is gone changes nothing', async () => {
    await load('v1');
    scripted.host.engine.images.delete('sha256:v1');
    configureWeb({ args: ['a'] });
    expect(await refusal(operate('restart'))).toMatchObject({ code: 'IMAGE_MISSING' });
    expect(served()).toEqual([[[], 'sha256:v1']]);
  });
});

describe('nothing is begun', () => {
  it.each(['start', 'stop', 'restart', 'rollback', 'delete'] as const)('%s of nothing', async (operation) => {
    expect(await refusal(operate(operation))).toMatchObject({ code: 'NOTHING_DEPLOYED' });
    expect(await show()).toMatchObject({ wanted: null });
  });

  it.each([
    ['nobody', 'DEPLOYMENT_UNKNOWN'],
    ['wrong', 'DEPLOYMENT_UNUSABLE'],
    ['deployments[3]', 'DEPLOYMENT_UNUSABLE'],
    ['__proto__', 'DEPLOYMENT_UNKNOWN'],
  ])('of %s, whose archive nobody asks for', async (name, code) => {
    scripted.configure({ deployments: [...DEPLOYMENTS, { args: [] }] });
    let isAsked = false;
    const openBody = () => {
      isAsked = true;
      return bytes('v1');
    };
    const asked = scripted.deployments.operate(LOCAL, name, 'load', { openBody }, () => {}, signal);
    expect(await refusal(asked)).toMatchObject({ code });
    expect([isAsked, events]).toEqual([false, []]);
  });

  it('where the engine is away', async () => {
    scripted.host.engine.isAway = true;
    expect(await refusal(load('v1'))).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    expect(events).toEqual([]);
  });

  it('that is announced too large', async () => {
    scripted.configure({ deployments: DEPLOYMENTS, maxImageSize: '1K' });
    const input = { openBody: () => bytes('v1'), announcedBytes: 1025 };
    const asked = scripted.deployments.operate(LOCAL, 'web', 'load', input, () => {}, signal);
    expect(await refusal(asked)).toMatchObject({ code: 'IMAGE_TOO_LARGE' });
  });

  it('while another runs', async () => {
    const gate = Promise.withResolvers<void>();
    const openBody = async function* () {
      await gate.promise;
      yield Buffer.from('v1');
    };
    const first = scripted.deployments.operate(
      callerOf('CN=ci'),
      'web',
      'load',
      { openBody },
      () => {},
      signal,
    );
    await expect.poll(async () => (await show()).operation).toMatchObject({ operation: 'load', by: 'CN=ci' });
    expect(await refusal(operate('stop'))).toMatchObject({
      ...{ code: 'OPERATION_RUNNING', details: { operation: 'load', by: 'CN=ci' } },
    });
    // Of another one it may.
    expect(await refusal(load('', 'db'))).toMatchObject({ code: 'ARCHIVE_EMPTY' });
    gate.resolve();
    expect(await first).toMatchObject({ state: 'running' });
    expect((await show()).operation).toBeNull();
  });

  it('when the service ends', async () => {
    scripted.ending.abort(new Error('the end'));
    expect(await refusal(load('v1'))).toMatchObject({ code: 'SERVICE_ENDING' });
  });
});

describe('who may what', () => {
  const RULES = [
    { subject: 'CN=ci', deployments: ['web'], operations: ['load', 'list'] },
    { subject: 'CN=reader', operations: ['list', 'logs', 'history', 'inspect'] },
  ];
  beforeEach(() => scripted.configure({ deployments: DEPLOYMENTS, clients: RULES }));

  it('is asked before anything is told', async () => {
    const ci = callerOf('CN=ci');
    expect(await load('v1', 'web', ci)).toMatchObject({ state: 'running' });
    const refused = [operate('stop', 'web', ci), load('v1', 'db', ci), load('v1', 'nobody', ci)];
    for (const each of refused) expect(await refusal(each)).toMatchObject({ code: 'NOT_PERMITTED' });
    expect((await scripted.deployments.list(ci, signal)).map(({ name }) => name)).toEqual(['web']);
    const reader = callerOf('CN=reader');
    expect(await scripted.deployments.list(reader, signal)).toHaveLength(3);
    expect(await scripted.deployments.inspect(reader, 'web', signal)).toMatchObject({
      Path: expect.stringContaining('/containers/'),
    });
    for (const ask of [
      scripted.deployments.inspect(ci, 'web', signal),
      scripted.deployments.history(ci, 'web', 1),
      scripted.deployments.logs(ci, 'web', { tail: 1, isFollowed: false, hasTimes: false }, signal),
      scripted.deployments.list(callerOf('CN=other'), signal),
    ]) {
      expect(await refusal(ask)).toMatchObject({ code: 'NOT_PERMITTED' });
    }
  });

  it('is put down', async () => {
    await refusal(operate('delete', 'web', callerOf('CN=reader')));
    await load('v1', 'web', callerOf('CN=ci'));
    const lines = await scripted.audit();
    expect(lines).toMatchObject([
      { who: 'CN=reader', operation: 'delete', outcome: 'refused', code: 'NOT_PERMITTED', from: '10.1.0.7' },
      { who: 'CN=ci', operation: 'load', outcome: 'begun' },
      { who: 'CN=ci', operation: 'load', outcome: 'done', image: 'ed_web:v1' },
    ]);
    expect(lines[1]?.id).toBe(lines[2]?.id);
  });
});
