// SPDX-License-Identifier: Apache-2.0
/**
 * What the registry of the real program keeps, removes and mends by itself: what was reported of other registries
 * ("Reports of other registries" in test/README.md).
 */
import { chmod, open, readdir, readFile, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import {
  type Content,
  createRepositoryClient,
  indexOf,
  type RepositoryClient,
  refusalOf,
  someBlob,
  someImage,
} from './registry-content.ts';

const COLLECT = '/-/api/v1/registry/gc?apply=true';
const HOUR_MS = 3_600_000;
let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
beforeEach(async () => {
  place = await createDatastoreFolder();
  await start();
});
afterEach(() => place.remove());

async function start(...args: readonly string[]): Promise<void> {
  datastore = await place.start(...args);
  repository = createRepositoryClient(datastore, 'lab/app');
}
async function restart(...args: readonly string[]): Promise<void> {
  await datastore.kill();
  await start(...args);
}
const fileOf = ({ descriptor: { digest } }: Content) => {
  const hex = digest.slice('sha256:'.length);
  return join(place.root, '.oci/blobs/sha256', hex.slice(0, 2), hex);
};
async function expectThere(kind: 'blobs' | 'manifests', contents: readonly Content[]): Promise<void> {
  for (const { bytes, descriptor } of contents) {
    const got = await repository.get(`${kind}/${descriptor.digest}`);
    expect([descriptor.digest, got.status, got.body.equals(bytes)]).toEqual([descriptor.digest, 200, true]);
  }
}

// distribution #3178, #3004, #2914: children of an index have no tag, and go although the index has one.
it('collects manifests without a tag, and nothing that one with a tag needs', async () => {
  await restart('--untagged', '0', '--registry-trash', '0');
  const [first, second, shared, deep, absent, loner, left] = Array.from({ length: 7 }, () => someImage());
  if (!first || !second || !shared || !deep || !absent || !loner || !left) throw new Error('seven');
  for (const image of [first, second, shared, deep, loner, left]) await repository.pushImage(image);
  const inner = indexOf([deep, shared]);
  const indexes: [string, Content][] = [
    ['flat', indexOf([first, second, shared])],
    ['nested', indexOf([inner, shared])],
    ['sparse', indexOf([first, absent])],
    ['moved', indexOf([shared, left])],
  ];
  expect((await repository.putManifest(inner, inner.descriptor.digest)).status).toBe(201);
  for (const [tag, index] of indexes) expect((await repository.putManifest(index, tag)).status).toBe(201);
  const signature = someImage({ more: { subject: deep.descriptor } });
  await repository.pushImage(signature);
  // The index that had the tag goes, and of its children the one that no other index has.
  expect((await repository.putManifest(first, 'moved')).status).toBe(201);
  const collected = await datastore.request('POST', COLLECT);
  const gone = [loner, left, indexes[3]?.[1]].map((each) => each?.descriptor.digest);
  const { manifests } = JSON.parse(collected.body.toString()) as { manifests: { digest: string }[] };
  expect(manifests.map(({ digest }) => digest).sort()).toEqual(gone.sort());
  const kept = [first, second, shared, deep, signature];
  for (const _start of [1, 2]) {
    await datastore.request('POST', COLLECT);
    await expectThere('manifests', [...kept, inner, ...indexes.slice(0, 3).map(([, index]) => index)]);
    await expectThere(
      'blobs',
      kept.flatMap(({ blobs }) => blobs),
    );
    for (const digest of gone) expect((await repository.head(`manifests/${digest}`)).status).toBe(404);
    const absentOne = await repository.get(`manifests/${absent.descriptor.digest}`);
    expect(refusalOf(absentOne)).toEqual([404, 'MANIFEST_UNKNOWN']);
    await restart('--untagged', '0', '--registry-trash', '0');
  }
});

// zot #1922: a blob that was cut short is there for those who ask before they push, and so never comes again.
describe('a blob whose file', () => {
  const shorten = async (file: string) => {
    await chmod(file, 0o644);
    await truncate(file, 100);
  };

  it.each([
    ['is cut short meanwhile', false],
    ['was cut short before the start', true],
  ])('%s is not there, cannot be mounted, and is healed by a push', async (_when, isOff) => {
    const image = someImage({ layers: [someBlob(100_000)] });
    const layer = image.blobs.at(-1) ?? image;
    await repository.pushImage(image, '1');
    if (isOff) await datastore.kill();
    await shorten(fileOf(layer));
    if (isOff) await start();
    const path = `blobs/${layer.descriptor.digest}`;
    for (const method of ['HEAD', 'GET']) {
      expect((await repository.get(path, {}, method)).status).toBe(404);
    }
    const other = createRepositoryClient(datastore, 'lab/other');
    const mount = `blobs/uploads/?mount=${layer.descriptor.digest}&from=lab/app`;
    expect((await datastore.request('POST', other.at(mount))).status).toBe(202);
    const warnings = async () => (await datastore.json('/-/api/v1/status')).warnings as string[];
    expect((await warnings()).join()).toContain('damaged');
    await repository.pushBlob(layer);
    await expectThere('blobs', [layer]);
    expect((await warnings()).join()).not.toContain('damaged');
    await restart();
    await expectThere('blobs', [layer]);
  });

  it('has another bit is found by the scrub, after a restart too, and only what is due is read', async () => {
    const image = someImage({ layers: [someBlob(100_000)] });
    const [config, layer] = image.blobs;
    if (config === undefined || layer === undefined) throw new Error('no layer');
    await repository.pushImage(image, '1');
    await datastore.kill();
    const file = fileOf(layer);
    await chmod(file, 0o644);
    const handle = await open(file, 'r+');
    await handle.write(Buffer.from([(layer.bytes[5000] ?? 0) ^ 1]), 0, 1, 5000);
    await handle.close();
    await start('--scrub-interval', '1');
    await expect
      .poll(async () => (await repository.head(`blobs/${layer.descriptor.digest}`)).status)
      .toBe(404);
    await expectThere('blobs', [config]);
    // What was read is remembered, and not read again so soon.
    const reads = join(place.state, 'blob-reads.json');
    const groups = async () =>
      Object.keys(JSON.parse(await readFile(reads, 'utf8').catch(() => '{"groups":{}}')).groups);
    const all = [...image.blobs, image].map(({ descriptor }) =>
      descriptor.digest.slice(0, 'sha256:'.length + 2),
    );
    await expect.poll(groups).toEqual([...new Set(all)].sort());
    await restart('--scrub-interval', '1');
    expect((await repository.head(`blobs/${layer.descriptor.digest}`)).status).toBe(404);
    await repository.pushBlob(layer);
    await expectThere('blobs', [layer]);
  });
});

// zot #2598: what was begun and never ended fills the disk.
it('removes uploads of which nothing came for long, at the start too, and keeps younger ones', async () => {
  const [old, young] = [await repository.beginUpload(), await repository.beginUpload()];
  for (const location of [old, young]) {
    expect((await datastore.request('PATCH', location, { body: Buffer.alloc(1000) })).status).toBe(202);
  }
  await datastore.kill();
  const incoming = join(place.root, '.incoming');
  const longAgo = new Date(Date.now() - 3 * HOUR_MS);
  const idOf = (location: string) => location.split('/').at(-1) ?? '';
  for (const name of await readdir(incoming)) {
    if (name.startsWith(idOf(old))) await utimes(join(incoming, name), longAgo, longAgo);
  }
  await start('--upload-expiry', '2');
  await expect.poll(async () => (await place.incoming()).join()).not.toContain(idOf(old));
  expect(refusalOf(await datastore.request('GET', old))).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  expect((await datastore.request('GET', young)).headers.range).toBe('0-999');
});
