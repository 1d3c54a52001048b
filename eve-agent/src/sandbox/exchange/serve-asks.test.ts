// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { beforeEach, describe, expect, it } from 'vitest';
import { InternalAddressError } from '../../transfer/flow.ts';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { createKeyStore, type KeyStore, PRIV } from '../store/key-store.ts';
import { readJson, toJson } from './ask-messages.ts';
import { AskRefusal, type Gift, serveAsks } from './serve-asks.ts';

const OWNER = 'priv-answers';
const QUOTA = { keys: 20, bytes: 4096 };
let store: KeyStore;
let audited: AuditEntry[];
let signals: AbortSignal[];

beforeEach(() => {
  audited = [];
  signals = [];
  store = createKeyStore(
    { audit: { append: (entry) => void (entry.verdict === 'ok' || audited.push(entry)) }, log: silentLog },
    QUOTA,
  );
});

function serve(give: (ask: unknown) => Promise<Gift>, maxAsks = 4): () => void {
  return serveAsks(
    { store, audit: { append: (entry) => audited.push(entry) }, send() {} },
    { actor: 'net', owner: OWNER, maxAsks },
    async (ask, signal) => {
      signals.push(signal);
      return await give(ask);
    },
  );
}
const ask = (number: string | number, what: unknown = {}) =>
  store.write('net', ['ask', String(number)], toJson(what));
const answers = () => store.list('/answer/*').map(({ path, value }) => [path[1], readJson(value)] as const);

describe('what a calf asks for', () => {
  it('is answered, until it takes the question back', async () => {
    serve(async (asked) => ({ value: { asked } }));
    ask(1, 'a');
    await expect.poll(answers).toEqual([['1', { value: { asked: 'a' }, hasHandle: false }]]);
    store.delete('net', ['ask', '1']);
    expect(answers()).toEqual([]);
    expect(audited).toEqual([]);
  });

  it.each([
    ['what may not be had', new AskRefusal('DENIED', 'no'), 'DENIED'],
    ['what is no ask', new AskRefusal('MALFORMED', 'no'), 'MALFORMED'],
    ['a place inside', new InternalAddressError('127.0.0.1'), 'DENIED'],
  ])('is refused, and stands in the audit log: %s', async (_, error, verdict) => {
    serve(async () => {
      throw error;
    });
    ask(7, 'x');
    await expect.poll(answers).toEqual([['7', { error: expect.objectContaining({ details: {} }) }]]);
    expect(audited).toEqual([
      { actor: 'net', op: 'ask', path: '/ask/7', value: new Uint8Array(toJson('x')), verdict },
    ]);
  });

  it('fails without a line there, where nobody did wrong', async () => {
    serve(async () => {
      throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    });
    ask(1);
    await expect.poll(answers).toEqual([['1', { error: expect.objectContaining({ code: 'ECONNREFUSED' }) }]]);
    expect(audited).toEqual([]);
  });

  it('counts until it is done, whoever takes it back', async () => {
    const { promise, resolve } = Promise.withResolvers<Gift>();
    serve(() => promise);
    for (let number = 1; number <= 50; number += 1) {
      ask(number);
      store.delete('net', ['ask', String(number)]);
    }
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true, true]);
    expect(audited.length).toBe(46);
    expect(new Set(audited.map(({ verdict }) => verdict))).toEqual(new Set(['BUSY']));
    resolve({ value: {} });
    // All that was under way has ended by then.
    await new Promise(setImmediate);
    ask(51);
    await expect.poll(answers).toEqual([['51', { value: {}, hasHandle: false }]]);
  });

  it('takes no room from others, and leaves nothing when it ends', async () => {
    const stop = serve(async () => ({ value: { text: 'x'.repeat(300) } }), 100);
    for (let number = 0; number < QUOTA.keys; number += 1) ask(`n${number}`);
    await expect.poll(() => answers().length).toBeGreaterThan(5);
    // A calf that lets all answers lie fills their room alone.
    store.write(PRIV, ['download', 'a', 'order', '000'], Buffer.alloc(1000));
    stop();
    expect(answers()).toEqual([]);
    expect(store.list('/ask/*').length).toBe(QUOTA.keys);
  });
});
