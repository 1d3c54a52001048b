// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { beforeEach, expect, it } from 'vitest';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { createDirectStoreClient } from '../store/direct-client.ts';
import { createKeyStore } from '../store/key-store.ts';
import { askRights } from './ask-keys.ts';
import { type Asks, openAsks } from './asks.ts';
import { AskRefusal, type Gift, serveAsks } from './serve-asks.ts';

let lines: string[];
let asks: Asks;
let give: (ask: unknown) => Promise<Gift>;
let hand: (message: unknown, handle: object | null) => void;
let sent: object[];

beforeEach(async () => {
  lines = [];
  sent = [];
  give = async (ask) => ({ value: { ask } });
  const audit = {
    append: ({ actor, op, path }: AuditEntry) =>
      void (op === 'watch' || lines.push(`${actor} ${op} ${path}`)),
  };
  const store = createKeyStore({ audit, log: silentLog });
  serveAsks(
    { store, audit, send: (message) => sent.push(message) },
    { actor: 'net', owner: 'priv', maxAsks: 4 },
    (ask) => give(ask),
  );
  const client = createDirectStoreClient({ store, audit }, { actor: 'net', rights: askRights([]) });
  asks = await openAsks(client, { onHandle: (listener) => (hand = listener) });
  lines = [];
});

const giveHandle = async (): Promise<Gift> => ({
  value: {},
  descriptor: { fd: 0, kind: 'stream', close() {} },
});

it('stand at one key, where each is answered before the next, and nothing is taken back', async () => {
  for (const what of ['a', 'b', 'c']) expect((await asks.ask({ what })).value).toEqual({ ask: { what } });
  const once = ['net write /ask/1', 'priv write /answer/1'];
  expect(lines).toEqual([...once, ...once, ...once]);
});

it('stand at keys of their own, where they are asked at once, and are answered as they were asked', async () => {
  for (let round = 0; round < 3; round += 1) {
    const asked = ['a', 'b', 'c'].map((what) => ({ what, round }));
    const given = await Promise.all(asked.map((ask) => asks.ask(ask)));
    expect(given.map(({ value }) => value)).toEqual(asked.map((ask) => ({ ask })));
  }
  expect(new Set(lines.filter((line) => line.startsWith('net')))).toEqual(
    new Set([1, 2, 3].map((number) => `net write /ask/${number}`)),
  );
});

it('are taken back where they were refused, and their number is nobody else’s', async () => {
  give = async () => {
    throw new AskRefusal('DENIED', 'no');
  };
  await expect(asks.ask({})).rejects.toThrow('no');
  give = async (ask) => ({ value: { ask } });
  await asks.ask({});
  expect(lines.filter((line) => line.startsWith('net'))).toEqual([
    ...['net write /ask/1', 'net ask /ask/1', 'net delete /ask/1', 'net write /ask/2'],
  ]);
});

it('are taken back where they are given up, and what comes late is closed', async () => {
  const given = Promise.withResolvers<Gift>();
  give = () => given.promise;
  const abort = new AbortController();
  const asked = asks.ask({}, abort.signal);
  abort.abort(new Error('given up'));
  await expect(asked).rejects.toThrow('given up');
  give = giveHandle;
  const next = asks.ask({});
  const closed: string[] = [];
  const handle = (name: string) => ({ close: () => closed.push(name) });
  await expect.poll(() => sent).toEqual([{ answer: 2 }]);
  hand({ answer: 1 }, handle('late'));
  const right = handle('right');
  hand({ answer: 2 }, right);
  expect((await next).handle).toBe(right);
  expect(closed).toEqual(['late']);
  expect(lines).toContain('net delete /ask/1');
});

it('are kept at their key as long as what was given is held', async () => {
  const lettings: string[] = [];
  give = async () => ({ value: {}, letGo: () => lettings.push('let go') });
  const { letGo } = await asks.hold({});
  give = async (ask) => ({ value: { ask } });
  await asks.ask({});
  expect([lettings, lines.includes('net write /ask/2')]).toEqual([[], true]);
  letGo();
  letGo();
  expect([lettings, lines.filter((line) => line === 'net delete /ask/1').length]).toEqual([['let go'], 1]);
});
