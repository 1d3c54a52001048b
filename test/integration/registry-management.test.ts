// SPDX-License-Identifier: Apache-2.0
/** Deleting, as the distribution specification has it ("Content Management"): end-9 and end-10; and what lasts. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import {
  createRepositoryClient,
  indexOf,
  type RepositoryClient,
  refusalOf,
  someImage,
} from './registry-content.ts';

const ABSENT = `sha256:${'0'.repeat(64)}`;
let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'managed');
});
afterAll(() => place?.remove());

const statusOf = async (reference: string, where = repository) =>
  (await where.get(`manifests/${reference}`)).status;

it('deletes a tag, and leaves the manifest and its other tags', async () => {
  const image = someImage();
  await repository.pushImage(image, 'one');
  await repository.putManifest(image, 'two');
  expect((await repository.delete('manifests/one')).status).toBe(202);
  expect(await statusOf('one')).toBe(404);
  expect([await statusOf('two'), await statusOf(image.descriptor.digest)]).toEqual([200, 200]);
  expect(refusalOf(await repository.delete('manifests/one'))).toEqual([404, 'MANIFEST_UNKNOWN']);
});

it('deletes a manifest with all its tags', async () => {
  const image = someImage();
  await repository.pushImage(image, 'three');
  await repository.putManifest(image, 'four');
  const { digest } = image.descriptor;
  expect((await repository.delete(`manifests/${digest}`)).status).toBe(202);
  for (const reference of ['three', 'four', digest]) expect(await statusOf(reference)).toBe(404);
  expect(refusalOf(await repository.delete(`manifests/${digest}`))).toEqual([404, 'MANIFEST_UNKNOWN']);
  await repository.putManifest(image, 'three');
  expect(await statusOf('three')).toBe(200);
});

it('deletes a referrer from the list of what it is about', async () => {
  const subject = someImage();
  const about = someImage({ more: { subject: subject.descriptor } });
  await repository.pushImage(about);
  const list = async () =>
    JSON.parse((await repository.get(`referrers/${subject.descriptor.digest}`)).body.toString());
  expect((await list()).manifests).toHaveLength(1);
  await repository.delete(`manifests/${about.descriptor.digest}`);
  expect((await list()).manifests).toEqual([]);
});

it('deletes nothing that an index needs, unless it is told to', async () => {
  const image = someImage();
  const index = indexOf([image]);
  await repository.pushImage(image);
  await repository.putManifest(index, 'index');
  const path = `manifests/${image.descriptor.digest}`;
  expect(refusalOf(await repository.delete(path))).toEqual([403, 'DENIED']);
  expect(await statusOf(image.descriptor.digest)).toBe(200);
  expect((await repository.delete(`${path}?force=true`)).status).toBe(202);
  expect(await statusOf('index')).toBe(200);
});

it('deletes no blob that an image needs, and each once it is gone', async () => {
  const image = someImage();
  await repository.pushImage(image, 'kept');
  const elsewhere = createRepositoryClient(datastore, 'elsewhere');
  for (const blob of image.blobs) await elsewhere.pushBlob(blob);
  const paths = image.blobs.map(({ descriptor }) => `blobs/${descriptor.digest}`);
  for (const path of paths) {
    const refused = await repository.delete(path);
    expect([...refusalOf(refused), refused.headers.allow]).toEqual([405, 'UNSUPPORTED', 'GET, HEAD']);
    expect((await repository.head(path)).status).toBe(200);
  }
  await repository.delete(`manifests/${image.descriptor.digest}`);
  for (const path of paths) {
    expect((await repository.delete(path)).status).toBe(202);
    expect((await repository.head(path)).status).toBe(404);
    expect(refusalOf(await repository.delete(path))).toEqual([404, 'BLOB_UNKNOWN']);
    expect((await elsewhere.head(path)).status).toBe(200);
  }
  expect(refusalOf(await repository.putManifest(image, 'kept'))).toContain('MANIFEST_BLOB_UNKNOWN');
  await repository.pushImage(image, 'kept');
});

it.each([
  ['managed', `manifests/${ABSENT}`, [404, 'MANIFEST_UNKNOWN']],
  ['managed', 'manifests/absent', [404, 'MANIFEST_UNKNOWN']],
  ['managed', 'manifests/-x', [400, 'TAG_INVALID']],
  ['managed', 'manifests/sha256:x', [400, 'DIGEST_INVALID']],
  ['managed', `blobs/${ABSENT}`, [404, 'BLOB_UNKNOWN']],
  ['managed', 'blobs/sha256:x', [400, 'DIGEST_INVALID']],
  ['nowhere', `blobs/${ABSENT}`, [404, 'BLOB_UNKNOWN']],
  ['nowhere', `manifests/${ABSENT}`, [404, 'NAME_UNKNOWN']],
  ['nowhere', 'manifests/absent', [404, 'NAME_UNKNOWN']],
])('%s: there is no %s to delete', async (name, path, expected) => {
  expect(refusalOf(await createRepositoryClient(datastore, name).delete(path))).toEqual(expected);
});

it('has everything after a kill and a restart, and deletes for good', async () => {
  const kept = someImage();
  const gone = someImage();
  await repository.pushImage(kept, 'lasting');
  await repository.pushImage(gone, 'gone');
  await repository.delete(`manifests/${gone.descriptor.digest}`);
  const location = await repository.beginUpload();
  await datastore.request('PATCH', location, { body: Buffer.alloc(1000) });
  await datastore.kill();
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'managed');
  const got = await repository.get('manifests/lasting');
  expect(got.body.equals(kept.bytes)).toBe(true);
  for (const { descriptor, bytes } of kept.blobs) {
    expect((await repository.get(`blobs/${descriptor.digest}`)).body.equals(bytes)).toBe(true);
  }
  expect([await statusOf('gone'), await statusOf(gone.descriptor.digest)]).toEqual([404, 404]);
  const upload = await datastore.request('GET', location);
  expect([upload.status, upload.headers.range]).toEqual([204, '0-999']);
});
