// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { OCI_INDEX } from '@local-datastore/shared/oci/media-types';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { createTestRegistry, type TestRegistry } from '../blobs/testing/test-registry.ts';
import { createSourceReader } from '../content/byte-source.ts';
import { createFlights, type Flights } from '../upstream/flights.ts';
import {
  createScriptedUpstream,
  digestOf,
  type ScriptedUpstream,
} from '../upstream/testing/scripted-upstream.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import { createExternalRegistry } from './external-registry.ts';

const APP = 'lab/app';
const LAYER = randomBytes(200_000);
const REFERENCE = { source: 'docker://registry.example/theirs/app:7', isInsecure: false, by: 'admin' };
const DOWN = new UpstreamError('UNREACHABLE', 'registry.example cannot be reached', { retryable: true });

let local: TestRegistry;
let upstream: ScriptedUpstream;
let clock: ManualClock;
let flights: Flights;
let registry: RegistryStore;
let asked: string[];
beforeEach(async () => {
  local = await createTestRegistry();
  upstream = createScriptedUpstream();
  clock = createManualClock();
  asked = [];
  open();
});
afterEach(async () => {
  await flights.stop();
  await local.remove();
});

function open(): void {
  const store = local.registry;
  flights = createFlights({ log: silentLog, store, wait: async (_ms, signal) => signal.throwIfAborted() });
  registry = createExternalRegistry({
    ...{ log: silentLog, store, flights, clock, recordOf: local.registry.recordOf },
    createClient: async ({ source }) => {
      asked.push(source);
      return upstream.client;
    },
  });
}

async function pull(digest: OciDigest): Promise<Buffer | undefined> {
  const blob = await registry.openBlob(APP, digest);
  if (blob === undefined) return undefined;
  const bytes = Buffer.alloc(blob.sizeBytes);
  await new Promise<void>((resolve, reject) =>
    createSourceReader(blob.source).fill(bytes, 0, (error) => (error === null ? resolve() : reject(error))),
  );
  blob.source.close();
  return bytes;
}
const tags = async () => (await registry.listTags(APP, { limit: 9 }))?.names;
const all = { limit: 9, isVisible: () => true };

describe('a reference', () => {
  it('is listed, and nothing of it is asked for before somebody does', async () => {
    expect(await registry.refer(APP, '1', REFERENCE)).toBe(true);
    expect(await tags()).toEqual(['1']);
    expect((await registry.listRepositories(all)).names).toEqual([APP]);
    expect([asked, upstream.requests]).toEqual([[], []]);
  });

  it('is fetched at its first pull, and is here ever after', async () => {
    const manifest = upstream.add('7', LAYER);
    await registry.refer(APP, '1', REFERENCE);
    await local.restart();
    open();
    const several = [1, 2, 3].map(() => registry.readManifest(APP, { tag: '1' }));
    expect(await Promise.all(several)).toEqual([manifest, manifest, manifest]);
    expect(upstream.requests).toEqual(['GET 7']);
    expect(await registry.statManifest(APP, { tag: '1' })).toMatchObject({ digest: manifest.digest });
    expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
    await expect.poll(() => flights.list()).toEqual([]);
    upstream.failure = DOWN;
    await local.restart();
    open();
    expect(await registry.readManifest(APP, { tag: '1' })).toEqual(manifest);
    expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
    expect(local.registry.recordOf(APP)?.tags.get('1')?.by).toBe('import:registry.example');
  });

  it('to a digest is just this one', async () => {
    const pinned = upstream.add('7', LAYER);
    upstream.add('7', Buffer.from('moved'));
    const source = `${REFERENCE.source}@${formatDigest(pinned.digest)}`;
    await registry.refer(APP, '1', { ...REFERENCE, source });
    expect(await registry.readManifest(APP, { tag: '1' })).toEqual(pinned);
  });

  it('to an index has its images fetched from there, too', async () => {
    const child = upstream.add('child', LAYER);
    const bytes = Buffer.from(
      JSON.stringify({
        ...{ schemaVersion: 2, mediaType: OCI_INDEX },
        manifests: [
          { mediaType: child.mediaType, digest: formatDigest(child.digest), size: child.bytes.length },
        ],
      }),
    );
    const index: ManifestDocument = { digest: digestOf(bytes), mediaType: OCI_INDEX, bytes };
    upstream.addManifest(index, '7');
    await registry.refer(APP, '1', REFERENCE);
    expect(await registry.readManifest(APP, { digest: child.digest })).toBeUndefined();
    await registry.readManifest(APP, { tag: '1' });
    expect(await registry.readManifest(APP, { digest: child.digest })).toEqual(child);
    expect(await registry.statBlob(APP, digestOf(LAYER), { isForPush: false })).toMatchObject({
      sizeBytes: LAYER.length,
    });
  });

  it('says why nothing comes, and does not ask again at once', async () => {
    upstream.failure = DOWN;
    await registry.refer(APP, '1', REFERENCE);
    const failure = { code: 'UPSTREAM_FAILED', message: `${DOWN.message}; and nothing of it is here.` };
    await expect(registry.readManifest(APP, { tag: '1' })).rejects.toMatchObject(failure);
    await expect(registry.readManifest(APP, { tag: '1' })).rejects.toMatchObject(failure);
    expect(upstream.requests).toHaveLength(1);
    upstream.failure = undefined;
    upstream.add('7', LAYER);
    clock.advance(30_000);
    expect(await registry.readManifest(APP, { tag: '1' })).toBeDefined();
  });

  it('says why a layer does not come, and does not ask again at once', async () => {
    upstream.add('7', LAYER);
    await registry.refer(APP, '1', REFERENCE);
    await registry.readManifest(APP, { tag: '1' });
    upstream.requests.length = 0;
    upstream.failure = new UpstreamError('UNREACHABLE', 'nothing listens there', {
      ...{ retryable: true, details: { isAway: true } },
    });
    const failure = { code: 'UPSTREAM_FAILED', message: 'nothing listens there; and nothing of it is here.' };
    for (let i = 0; i < 3; i += 1) {
      await expect(registry.openBlob(APP, digestOf(LAYER))).rejects.toMatchObject(failure);
      clock.advance(10_000);
    }
    expect(upstream.requests).toHaveLength(2);
    upstream.failure = undefined;
    expect((await pull(digestOf(LAYER)))?.equals(LAYER)).toBe(true);
  });

  it('to what is not there is none', async () => {
    await registry.refer(APP, '1', REFERENCE);
    expect(await registry.readManifest(APP, { tag: '1' })).toBeUndefined();
    expect(await registry.readManifest(APP, { tag: '2' })).toBeUndefined();
  });

  it('gives way to a push, and does not take the place of an image', async () => {
    await registry.refer(APP, '1', REFERENCE);
    const { digest } = await local.pushImage(APP, '1', ['pushed']);
    expect((await registry.readManifest(APP, { tag: '1' }))?.digest).toEqual(digest);
    expect(local.registry.recordOf(APP)?.references).toBeUndefined();
    expect(await registry.refer(APP, '1', REFERENCE)).toBe(false);
  });

  it('goes with its tag, before and after it was fetched', async () => {
    await registry.refer(APP, '1', REFERENCE);
    expect(await registry.deleteTag(APP, '1')).toBe(true);
    expect(await registry.deleteTag(APP, '1')).toBe(false);
    expect((await registry.listRepositories(all)).names).toEqual([]);
    upstream.add('7', LAYER);
    await registry.refer(APP, '1', REFERENCE);
    const fetched = await registry.readManifest(APP, { tag: '1' });
    await registry.deleteManifest(APP, fetched?.digest ?? expect.fail());
    expect(local.registry.recordOf(APP)?.references).toBeUndefined();
    expect(await registry.readManifest(APP, { tag: '1' })).toBeUndefined();
  });

  it('lets nobody have a blob that its image does not name', async () => {
    upstream.add('7', LAYER);
    await registry.refer(APP, '1', REFERENCE);
    await registry.readManifest(APP, { tag: '1' });
    const other = Buffer.from('of another image');
    upstream.contents.set(formatDigest(digestOf(other)), other);
    expect(await registry.openBlob(APP, digestOf(other))).toBeUndefined();
    expect(await registry.openBlob('lab/other', digestOf(LAYER))).toBeUndefined();
  });
});
