// SPDX-License-Identifier: Apache-2.0
/** The keys of one manifest as both sides have them. */
import { silentLog } from '@local-datastore/shared/log';
import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { createDirectStoreClient } from '../store/direct-client.ts';
import { createKeyStore } from '../store/key-store.ts';
import { openAgentKeys } from './agent-keys.ts';
import { openCalfKeys } from './calf-keys.ts';
import { defineManifest, readKey, rightsOf, startDescriptors, writeKey } from './manifest.ts';
import { readStartOrder, writeStartOrder } from './start-order.ts';
import { text, wholeNumber } from './values.ts';

const COMMON = {
  name: 'test',
  user: 65533,
  limits: { memoryBytes: 1, openFiles: 64 },
  descriptors: {},
} as const;
const word = text({ maxBytes: 8 });
const manifest = defineManifest({
  ...COMMON,
  keys: {
    limit: readKey('limit', wholeNumber({ min: 0, max: 9 })),
    host: readKey('host/*/name/*', word),
    seen: writeKey('seen', word),
    count: writeKey('count/*', wholeNumber({ min: 0, max: 9 })),
  },
  options: word,
});
const PREFIX = ['test', 'eth0'];

function create() {
  const refused: AuditEntry[] = [];
  const audit = { append: (entry: AuditEntry) => void (entry.verdict === 'ok' || refused.push(entry)) };
  const store = createKeyStore({ audit, log: silentLog });
  const rights = { actor: 'test', rights: rightsOf(manifest, PREFIX) };
  const client = createDirectStoreClient({ store, audit }, rights);
  const calf = openCalfKeys(manifest.keys, PREFIX, client);
  return { refused, store, client, calf, agent: openAgentKeys(manifest.keys, PREFIX, store) };
}

describe('what the agent writes', () => {
  it('is read by the calf, until it is dropped', async () => {
    const { calf, agent } = create();
    expect(await calf.limit.read()).toBeNull();
    agent.limit.put(7);
    agent.host.put('ds', 'a', 'b');
    expect([await calf.limit.read(), await calf.host.read('a', 'b'), await calf.host.read('b', 'a')]).toEqual(
      [7, 'ds', null],
    );
    agent.limit.drop();
    agent.limit.drop();
    expect(await calf.limit.read()).toBeNull();
  });

  it('is watched from what is there on, with its names', async () => {
    const { calf, agent, store } = create();
    const seen: unknown[] = [];
    agent.host.put('ds', 'a', 'b');
    const stop = await calf.host.watch((...change) => seen.push(change));
    agent.host.put('ds2', 'c', 'd');
    store.write('priv', ['test', 'eth0', 'host', 'c', 'name', 'd'], Buffer.from('\0'));
    agent.host.drop('a', 'b');
    stop();
    agent.host.put('ds3', 'e', 'f');
    expect(seen).toEqual([
      ['ds', 'a', 'b'],
      ['ds2', 'c', 'd'],
      [null, 'c', 'd'],
      [null, 'a', 'b'],
    ]);
  });
});

describe('what the calf writes', () => {
  it('is read by the agent, in the form of the key alone', async () => {
    const { calf, agent, client } = create();
    await calf.count.write(3, 'x');
    await calf.seen.write('ds');
    expect([agent.count.get('x'), agent.count.get('y'), agent.seen.get()]).toEqual([3, null, 'ds']);
    await client.write([...PREFIX, 'count', 'x'], Buffer.from('many'));
    expect(agent.count.get('x')).toBeNull();
    await calf.seen.delete();
    expect(agent.seen.get()).toBeNull();
  });

  it.each<[string, (side: ReturnType<typeof create>) => Promise<unknown>, string]>([
    ['what is none of its values', ({ calf }) => calf.count.write(10, 'x'), 'none that its key takes'],
    ['no name', ({ calf }) => calf.count.write(1, ''), 'no path'],
    ['a name that leads elsewhere', ({ calf }) => calf.count.write(1, '../limit'), 'no path'],
  ])('is not %s', async (_, write, message) => {
    const side = create();
    await expect(write(side)).rejects.toThrow(message);
    expect(side.store.size).toBe(0);
  });
});

it.each<[string, (client: ReturnType<typeof create>['client']) => Promise<unknown>]>([
  ['write what it may read', (client) => client.write([...PREFIX, 'limit'], Buffer.from('1'))],
  ['read what it may write', (client) => client.read([...PREFIX, 'seen'])],
  ['write below another prefix', (client) => client.write(['test', 'eth1', 'seen'], Buffer.from('1'))],
  ['watch all', (client) => client.watch('/test/eth0/**', () => {})],
])('a calf of this manifest may not %s', async (_, act) => {
  const { client, refused } = create();
  await expect(act(client)).rejects.toMatchObject({ code: 'DENIED' });
  expect(refused.map(({ verdict }) => verdict)).toEqual(['DENIED']);
});

describe('no manifest has', () => {
  it.each([
    ['a path that is none', ['a//b']],
    ['one path twice', ['a', 'a']],
    ['one path within another', ['a/*', 'a/b']],
  ])('%s', (_, paths) => {
    const keys = Object.fromEntries(paths.map((path, index) => [`key${index}`, readKey(path, word)]));
    expect(() => defineManifest({ ...COMMON, keys })).toThrow(/no pattern|is also a key of/);
  });
});

it('descriptors are given at the start or later by their kind, in their order', () => {
  const frames = { kind: 'frames', filter: 'dhcp', waitMs: 1 } as const;
  const datagrams = { kind: 'datagrams', filter: { minBytes: 0, maxBytes: 1 } } as const;
  const descriptors = { b: frames, c: datagrams, a: frames };
  expect(startDescriptors({ ...COMMON, keys: {}, descriptors })).toEqual(['b', 'a']);
});

describe('what a calf is told at its start', () => {
  it('is read as it was written', () => {
    const order = { prefix: PREFIX, options: 'a "b"' };
    expect(readStartOrder(manifest, writeStartOrder(manifest, order))).toEqual(order);
    const { options: _, ...plain } = manifest;
    const nothing = { prefix: PREFIX, options: null };
    expect(readStartOrder(plain, writeStartOrder(plain, nothing))).toEqual(nothing);
  });

  it.each([
    ['no options', JSON.stringify({ prefix: PREFIX, options: null })],
    ['options of another form', JSON.stringify({ prefix: PREFIX, options: 'far too long' })],
    ['no prefix', JSON.stringify({ prefix: ['a/b'], options: 'a' })],
    ['nothing', ''],
  ])('is not %s', (_, argument) => {
    expect(() =>
      readStartOrder({ ...manifest, options: text({ pattern: /./, maxBytes: 8 }) }, argument),
    ).toThrow();
  });
});
