// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { createTestRegistry, type TestRegistry } from '../blobs/testing/test-registry.ts';
import { type ByteSource, createSourceReader } from '../content/byte-source.ts';
import { createFlights, type Flights } from './flights.ts';
import {
  createScriptedUpstream,
  digestOf,
  inPieces,
  type ScriptedUpstream,
} from './testing/scripted-upstream.ts';
import { UpstreamError } from './upstream-error.ts';
import { createUpstreamRegistry } from './upstream-registry.ts';
import type { Upstream } from './upstream-settings.ts';

const APP = 'hub/lab/app';
const LAYER = randomBytes(300_000);
const DOWN = new UpstreamError('UNREACHABLE', 'hub.example cannot be reached: it is off', {
  retryable: true,
});
/** As clients say it of an upstream to which no connection comes about. */
const AWAY = new UpstreamError('UNREACHABLE', 'hub.example cannot be reached: nothing listens', {
  ...{ retryable: true, details: { isAway: true } },
});
const HUB: Upstream = {
  ...{ prefix: 'hub', url: new URL('https://hub.example/'), namespace: undefined },
  allows: (repository) => repository.startsWith('lab/'),
  ...{ checkMs: 600_000, budgetMs: 2000 },
};

let local: TestRegistry;
let upstream: ScriptedUpstream;
let clock: ManualClock;
let flights: Flights;
let registry: RegistryStore;
beforeEach(async () => {
  local = await createTestRegistry();
  upstream = createScriptedUpstream();
  clock = createManualClock();
  open();
});
afterEach(async () => {
  await flights.stop();
  await local.remove();
});

function open() {
  const store = local.registry;
  flights = createFlights({ log: silentLog, store, wait: async (_ms, signal) => signal.throwIfAborted() });
  registry = createUpstreamRegistry({
    ...{ log: silentLog, store, flights, clock },
    upstreams: () => [HUB],
    clientOf: () => upstream.client,
  });
}

function read(source: ByteSource, from = 0, to = source.sizeBytes): Promise<Buffer> {
  const piece = Buffer.alloc(to - from);
  return new Promise((resolve, reject) => {
    createSourceReader(source).fill(piece, from, (error) =>
      error === null ? resolve(piece) : reject(error),
    );
  });
}

async function pull(digest: OciDigest, repository = APP): Promise<Buffer | undefined> {
  const blob = await registry.openBlob(repository, digest);
  if (blob === undefined) return undefined;
  try {
    return await read(blob.source);
  } finally {
    blob.source.close();
  }
}
const blobRequests = () => upstream.requests.filter((request) => request.startsWith('BLOB'));

it('imports what is asked for, and serves it for ever after without the upstream', async () => {
  const manifest = upstream.add('1', LAYER);
  expect(await registry.readManifest(APP, { tag: '1' })).toEqual(manifest);
  expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
  await expect.poll(() => flights.list()).toEqual([]);
  upstream.failure = DOWN;
  clock.advance(HUB.checkMs);
  await local.restart();
  open();
  expect(await registry.readManifest(APP, { tag: '1' })).toEqual(manifest);
  expect(await registry.readManifest(APP, { digest: manifest.digest })).toEqual(manifest);
  expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
  expect((await registry.listRepositories({ limit: 9, isVisible: () => true })).names).toEqual([APP]);
  expect(blobRequests()).toHaveLength(1);
});

it('brings a blob once, however many ask for it, through cuts', async () => {
  upstream.add('1', LAYER);
  await registry.readManifest(APP, { tag: '1' });
  const cut = (after: number) =>
    async function* (rest: Buffer) {
      yield* inPieces(rest.subarray(0, after));
      throw DOWN;
    };
  upstream.deliveries.push(cut(90_000), cut(100_000));
  const pulled = await Promise.all(Array.from({ length: 5 }, () => pull(digestOf(LAYER))));
  for (const each of pulled) expect(each?.equals(LAYER)).toBe(true);
  const text = formatDigest(digestOf(LAYER));
  expect(blobRequests()).toEqual([0, 90_000, 190_000].map((position) => `BLOB ${text} ${position}`));
  expect(flights.receivedBytes()).toBe(LAYER.length);
});

it('serves what has arrived while the rest is on its way, and the end only when all is verified', async () => {
  upstream.add('1', LAYER);
  await registry.readManifest(APP, { tag: '1' });
  const gate = Promise.withResolvers<void>();
  upstream.deliveries.push(async function* (rest) {
    yield* inPieces(rest.subarray(0, 200_000));
    await gate.promise;
    yield* inPieces(rest.subarray(200_000));
  });
  const blob = await registry.openBlob(APP, digestOf(LAYER));
  if (blob === undefined) throw new Error('nothing came');
  expect((await read(blob.source, 0, 150_000)).equals(LAYER.subarray(0, 150_000))).toBe(true);
  const end = read(blob.source, LAYER.length - 10);
  expect(flights.list()).toMatchObject([{ repository: APP, sizeBytes: LAYER.length }]);
  gate.resolve();
  expect((await end).equals(LAYER.subarray(-10))).toBe(true);
  blob.source.close();
});

it('gives nobody the whole of what is wrong, and keeps nothing of it', async () => {
  upstream.add('1', LAYER);
  await registry.readManifest(APP, { tag: '1' });
  const wrong = Buffer.from(LAYER);
  wrong[LAYER.length - 100_000] = (wrong[LAYER.length - 100_000] ?? 0) ^ 1;
  upstream.deliveries.push(() => inPieces(wrong));
  const blob = await registry.openBlob(APP, digestOf(LAYER));
  if (blob === undefined) throw new Error('nothing came');
  await expect(read(blob.source)).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
  blob.source.close();
  await expect.poll(() => flights.list()).toEqual([]);
  expect(await local.registry.openBlob(APP, digestOf(LAYER))).toBeUndefined();
  // The next who asks gets it right.
  expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
});

it.each<[string, (rest: Buffer) => AsyncIterable<Uint8Array>]>([
  ['longer than it said', (rest) => inPieces(Buffer.concat([rest, Buffer.from('more')]))],
  [
    'endless',
    async function* () {
      for (;;) yield Buffer.alloc(50_000);
    },
  ],
])('takes nothing that is %s', async (_what, delivery) => {
  upstream.add('1', LAYER);
  await registry.readManifest(APP, { tag: '1' });
  upstream.deliveries.push(delivery);
  await expect(pull(digestOf(LAYER))).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
  await expect.poll(() => flights.list()).toEqual([]);
  expect(local.registry.state().uploads).toBe(0);
});

it('goes on after a restart from what has come', async () => {
  upstream.add('1', LAYER);
  await registry.readManifest(APP, { tag: '1' });
  const never = Promise.withResolvers<never>();
  never.promise.catch(() => {});
  upstream.deliveries.push(async function* (rest) {
    yield* inPieces(rest.subarray(0, 120_000));
    await never.promise;
  });
  const blob = await registry.openBlob(APP, digestOf(LAYER));
  await expect.poll(() => flights.list()[0]?.receivedBytes).toBe(120_000);
  blob?.source.close();
  never.reject(DOWN);
  upstream.failure = DOWN;
  await flights.stop();
  await local.restart();
  upstream.failure = undefined;
  open();
  expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
  expect(blobRequests().at(-1)).toBe(`BLOB ${formatDigest(digestOf(LAYER))} 120000`);
});

it('brings it to its end when the client goes away, and lets nothing wait for who does not want it', async () => {
  upstream.add('1', LAYER);
  await registry.readManifest(APP, { tag: '1' });
  const gate = Promise.withResolvers<void>();
  upstream.deliveries.push(async function* (rest) {
    yield rest.subarray(0, 1000);
    await gate.promise;
    yield rest.subarray(1000);
  });
  const blob = await registry.openBlob(APP, digestOf(LAYER));
  if (blob === undefined) throw new Error('nothing came');
  const waiting = read(blob.source);
  blob.source.abandon();
  await expect(waiting).rejects.toThrow('nobody waits');
  blob.source.close();
  gate.resolve();
  await expect
    .poll(async () => (await local.registry.statBlob(APP, digestOf(LAYER), { isForPush: false }))?.sizeBytes)
    .toBe(LAYER.length);
});

describe('a tag', () => {
  it('that has moved upstream is a further version, and the old one stays', async () => {
    const first = upstream.add('latest', LAYER);
    await registry.readManifest(APP, { tag: 'latest' });
    const second = upstream.add('latest', randomBytes(1000));
    // Not asked again so soon.
    expect(await registry.readManifest(APP, { tag: 'latest' })).toEqual(first);
    clock.advance(HUB.checkMs);
    expect(await registry.readManifest(APP, { tag: 'latest' })).toEqual(second);
    expect(await registry.readManifest(APP, { digest: first.digest })).toEqual(first);
    expect(upstream.requests).toEqual(['GET latest', 'HEAD latest', 'GET latest']);
  });

  it('that has not moved costs a look', async () => {
    upstream.add('1', LAYER);
    await registry.readManifest(APP, { tag: '1' });
    clock.advance(HUB.checkMs);
    await registry.readManifest(APP, { tag: '1' });
    await registry.readManifest(APP, { tag: '1' });
    expect(upstream.requests).toEqual(['GET 1', 'HEAD 1']);
  });

  it('is what it was while the upstream is away or has it no more, which is remembered for a while', async () => {
    const manifest = upstream.add('1', LAYER);
    await registry.readManifest(APP, { tag: '1' });
    clock.advance(HUB.checkMs);
    upstream.failure = DOWN;
    for (let i = 0; i < 3; i += 1) expect(await registry.readManifest(APP, { tag: '1' })).toEqual(manifest);
    expect(upstream.requests).toEqual(['GET 1', 'HEAD 1']);
    clock.advance(30_000);
    upstream.failure = undefined;
    upstream.tags.delete('1');
    expect(await registry.readManifest(APP, { tag: '1' })).toEqual(manifest);
    expect(upstream.requests).toHaveLength(3);
  });

  it('is answered from here when the upstream takes too long', async () => {
    const manifest = upstream.add('1', LAYER);
    await registry.readManifest(APP, { tag: '1' });
    clock.advance(HUB.checkMs);
    upstream.client.resolveTag = (_repository, _tag, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        clock.advance(HUB.budgetMs);
      });
    expect(await registry.readManifest(APP, { tag: '1' })).toEqual(manifest);
  });
});

describe('nothing is here', () => {
  it('and the upstream is away: the cause is said, and remembered for a while', async () => {
    upstream.failure = DOWN;
    for (let i = 0; i < 3; i += 1) {
      await expect(registry.readManifest(APP, { tag: '1' })).rejects.toMatchObject({
        code: 'UPSTREAM_FAILED',
        message: expect.stringContaining('hub.example cannot be reached: it is off'),
      });
    }
    expect(upstream.requests).toEqual(['GET 1']);
    upstream.failure = undefined;
    upstream.add('1', LAYER);
    clock.advance(30_000);
    expect(await registry.readManifest(APP, { tag: '1' })).toBeDefined();
  });

  it('and the upstream has no such thing', async () => {
    expect(await registry.readManifest(APP, { tag: '1' })).toBeUndefined();
    expect(await registry.readManifest(APP, { digest: digestOf(LAYER) })).toBeUndefined();
    expect(await registry.openBlob(APP, digestOf(LAYER))).toBeUndefined();
    // What no manifest names is not even asked for.
    expect(blobRequests()).toEqual([]);
  });

  it('and the upstream lost a layer', async () => {
    upstream.add('1', LAYER);
    await registry.readManifest(APP, { tag: '1' });
    upstream.contents.clear();
    expect(await registry.openBlob(APP, digestOf(LAYER))).toBeUndefined();
  });
});

describe('a layer that is not here', () => {
  const OTHER = randomBytes(1000);
  async function expectFailed(work: Promise<unknown>, words: string): Promise<void> {
    await expect(work).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining(words),
    });
  }
  beforeEach(async () => {
    upstream.add('1', LAYER);
    upstream.add('2', OTHER);
    for (const tag of ['1', '2']) await registry.readManifest(APP, { tag });
    upstream.requests.length = 0;
  });

  it('and the upstream is away: it is tried twice, and then nothing is asked for a while', async () => {
    upstream.failure = AWAY;
    for (let i = 0; i < 3; i += 1) {
      await expectFailed(
        registry.openBlob(APP, digestOf(LAYER)),
        'nothing listens; and nothing of it is here',
      );
    }
    expect(blobRequests()).toHaveLength(2);
    // Others of it would not come, either.
    await expectFailed(registry.openBlob(APP, digestOf(OTHER)), 'nothing listens');
    await expectFailed(registry.statBlob(APP, digestOf(OTHER), { isForPush: false }), 'nothing listens');
    expect(upstream.requests).toHaveLength(2);
    clock.advance(30_000);
    upstream.failure = undefined;
    expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
    expect((await pull(digestOf(OTHER)))?.equals(OTHER)).toBe(true);
  });

  it('and the upstream comes back: with the next manifest that is known', async () => {
    upstream.failure = AWAY;
    await expectFailed(registry.readManifest(APP, { tag: '3' }), 'nothing listens');
    await expectFailed(registry.openBlob(APP, digestOf(OTHER)), 'nothing listens');
    expect(blobRequests()).toEqual([]);
    upstream.failure = undefined;
    upstream.add('4', LAYER);
    expect(await registry.readManifest(APP, { tag: '4' })).toBeDefined();
    expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
  });

  it('and the upstream does not give it: that is remembered of it alone', async () => {
    upstream.failure = DOWN;
    for (let i = 0; i < 3; i += 1) await expectFailed(registry.openBlob(APP, digestOf(LAYER)), 'it is off');
    expect(blobRequests()).toHaveLength(4);
    upstream.failure = undefined;
    expect((await pull(digestOf(OTHER)))?.equals(OTHER)).toBe(true);
    await expectFailed(registry.openBlob(APP, digestOf(LAYER)), 'it is off');
    clock.advance(30_000);
    expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
  });

  it('and is on its way: it is waited for, whatever else the upstream refused meanwhile', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.deliveries.push(async function* (rest) {
      yield rest.subarray(0, 100_000);
      await gate.promise;
      yield rest.subarray(100_000);
    });
    const first = await registry.openBlob(APP, digestOf(LAYER));
    upstream.failure = AWAY;
    await expectFailed(registry.openBlob(APP, digestOf(OTHER)), 'nothing listens');
    const second = await registry.openBlob(APP, digestOf(LAYER));
    gate.resolve();
    for (const blob of [first, second]) {
      expect((await read(blob?.source as ByteSource)).equals(LAYER)).toBe(true);
      blob?.source.close();
    }
  });

  it('and the upstream goes away in the middle: it goes on as often as before', async () => {
    upstream.deliveries.push(async function* (rest) {
      yield rest.subarray(0, 100_000);
      throw new UpstreamError('UNREACHABLE', 'cut', { retryable: true });
    });
    for (let i = 0; i < 3; i += 1) upstream.deliveries.push(() => Promise.reject(AWAY));
    expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
    expect(blobRequests()).toHaveLength(5);
  });
});

it('takes nothing for damaged that has not been asked for', async () => {
  upstream.add('1', LAYER);
  await registry.readManifest(APP, { tag: '1' });
  expect(local.registry.state()).toMatchObject({ repositories: 1, damaged: 0 });
  await local.restart();
  expect(local.registry.state()).toMatchObject({ repositories: 1, damaged: 0 });
});

it('never promises by HEAD what GET lacks', async () => {
  upstream.add('1', LAYER);
  expect(await registry.statManifest(APP, { tag: '1' })).toBeDefined();
  expect(await registry.statBlob(APP, digestOf(LAYER), { isForPush: false })).toMatchObject({
    sizeBytes: LAYER.length,
  });
  await expect.poll(() => flights.list()).toEqual([]);
  upstream.failure = DOWN;
  expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
});

it('asks for nothing that is not allowed, and for nothing else', async () => {
  upstream.add('1', LAYER);
  expect(await registry.readManifest('hub/private/app', { tag: '1' })).toBeUndefined();
  expect(await registry.readManifest('other/app', { tag: '1' })).toBeUndefined();
  expect(upstream.requests).toEqual([]);
});

it('takes no pushes below its prefix, and all others', async () => {
  await expect(registry.createUpload(APP)).rejects.toMatchObject({
    code: 'READ_ONLY',
    message: expect.stringContaining('hub.example'),
  });
  await expect(
    registry.mountBlob(digestOf(LAYER), { from: 'lab/x', to: APP, mayPull: () => true }),
  ).rejects.toMatchObject({ code: 'READ_ONLY' });
  expect(await registry.createUpload('lab/app')).toMatchObject({ receivedBytes: 0 });
});

it('imports one image once for all who want it at once', async () => {
  const manifest = upstream.add('1', LAYER);
  const wanted = Array.from({ length: 5 }, () => registry.readManifest(APP, { tag: '1' }));
  expect(await Promise.all(wanted)).toEqual(Array.from({ length: 5 }, () => manifest));
  expect(upstream.requests).toEqual(['GET 1']);
});
