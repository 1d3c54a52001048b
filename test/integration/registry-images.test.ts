// SPDX-License-Identifier: Apache-2.0
/** What the API says of the registry's images, and the archives that it makes of them. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
} from '../lab/loopback-datastore.ts';
import {
  createRepositoryClient,
  indexOf,
  OCI_INDEX,
  OCI_MANIFEST,
  someBlob,
  someImage,
} from './registry-content.ts';

const API = '/-/api/v1/registry';
const REPOSITORIES = `${API}/repositories`;
const image = someImage({ layers: [someBlob(3000), someBlob(200_000)] });
const other = someImage();
const index = indexOf([image, other]);
const artifact = someImage({ more: { artifactType: 'application/vnd.lab.note' } });

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  await createRepositoryClient(datastore, 'lab/app').pushImage(image, '1');
  await createRepositoryClient(datastore, 'lab/app').pushImage(other);
  await createRepositoryClient(datastore, 'lab/app').putManifest(index, 'all');
  await createRepositoryClient(datastore, 'private/app').pushImage(other, '1');
});
afterAll(() => place.remove());

const get = async (path: string) => JSON.parse((await datastore.get(path)).body.toString());

it('lists repositories, page by page', async () => {
  expect(await get(REPOSITORIES)).toMatchObject({
    repositories: [
      { name: 'lab/app', kind: 'pushed' },
      { name: 'private/app', kind: 'pushed' },
    ],
    isMore: false,
  });
  expect(await get(`${REPOSITORIES}?n=1`)).toMatchObject({
    repositories: [{ name: 'lab/app' }],
    isMore: true,
  });
  expect((await get(`${REPOSITORIES}?last=lab/app`)).repositories).toHaveLength(1);
});

it('says what tags lead to', async () => {
  const sizeOf = (each: typeof image) =>
    each.bytes.length + each.blobs.reduce((sum, { bytes }) => sum + bytes.length, 0);
  expect(await get(`${REPOSITORIES}/lab/app`)).toMatchObject({
    ...{ name: 'lab/app', kind: 'pushed' },
    tags: [
      {
        ...{ tag: '1', digest: image.descriptor.digest, mediaType: OCI_MANIFEST, kind: 'image' },
        ...{ artifactType: null, sizeBytes: sizeOf(image), platforms: ['linux/amd64'] },
      },
      {
        ...{ tag: 'all', digest: index.descriptor.digest, mediaType: OCI_INDEX, kind: 'index' },
        ...{ artifactType: null, platforms: ['linux/amd64'] },
        sizeBytes: index.bytes.length + sizeOf(image) + sizeOf(other),
      },
    ],
  });
});

it.each([
  ['a repository that is not there', `${REPOSITORIES}/lab/none`, 404],
  ['a name that is none', `${REPOSITORIES}/Lab/App`, 'NAME_INVALID'],
  ['an export of a tag that is not there', `${API}/export/lab/app:none`, 'IMAGE_UNKNOWN'],
  ['an export of what is no name', `${API}/export/Lab:1`, 400],
  ['an export in another form', `${API}/export/lab/app:1?format=zip`, 400],
  ['an export for what is no platform', `${API}/export/lab/app:1?platform=linux`, 400],
  [
    'an export for a platform that is not there',
    `${API}/export/lab/app:all?platform=linux/arm64`,
    'PLATFORM_UNKNOWN',
  ],
  [
    'an archive of several for every engine',
    `${API}/export/lab/app:all?format=docker-archive`,
    'PLATFORM_UNKNOWN',
  ],
])('%s is refused', async (_title, path, problem) => {
  expect(problemOf(await datastore.get(path))).toBe(problem);
});

describe('an export', () => {
  const path = `${API}/export/lab/app:1`;
  it('is a tar of known length that names the image, the same each time, in ranges too', async () => {
    const whole = await datastore.get(path);
    expect(whole.headers).toMatchObject({
      'content-type': 'application/x-tar',
      'content-length': String(whole.body.length),
      'content-disposition': 'attachment; filename="lab-app-1.tar"',
      'docker-content-digest': image.descriptor.digest,
    });
    const folder = await mkdtemp(join(tmpdir(), 'registry-export-'));
    try {
      const file = join(folder, 'app.tar');
      await writeFile(file, whole.body);
      const read = (name: string) => execFileSync('tar', ['-xOf', file, name]);
      const named = JSON.parse(read('index.json').toString()).manifests[0];
      expect(named).toMatchObject({ digest: image.descriptor.digest, size: image.bytes.length });
      expect(named.annotations['io.containerd.image.name']).toBe(`127.0.0.1:${datastore.port}/lab/app:1`);
      for (const { bytes, descriptor } of [image, ...image.blobs]) {
        expect(read(`blobs/${descriptor.digest.replace(':', '/')}`).equals(bytes)).toBe(true);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    const part = await datastore.get(path, { range: 'bytes=1000-150000' });
    expect(part.status).toBe(206);
    expect(part.body.equals(whole.body.subarray(1000, 150_001))).toBe(true);
    const head = await datastore.get(path, {}, 'HEAD');
    expect(head.headers['content-length']).toBe(whole.headers['content-length']);
    expect((await datastore.get(path, { 'if-none-match': String(whole.headers.etag) })).status).toBe(304);
  });

  it('holds all of an index, or one image of it by its digest', async () => {
    const all = await datastore.get(`${API}/export/lab/app:all`);
    expect(all.body.length).toBeGreaterThan(204_000);
    const one = await datastore.get(`${API}/export/lab/app@${other.descriptor.digest}?format=docker-archive`);
    expect(one.status).toBe(200);
    expect(one.headers['docker-content-digest']).toBe(other.descriptor.digest);
  });

  it('holds what is no image as well', async () => {
    await createRepositoryClient(datastore, 'lab/notes').pushImage(artifact, 'a');
    expect((await get(`${REPOSITORIES}/lab/notes`)).tags).toMatchObject([{ tag: 'a' }]);
    expect((await datastore.get(`${API}/export/lab/notes:a`)).status).toBe(200);
  });
});

it('shows and exports nothing that may not be pulled', async () => {
  const guarded = await createDatastoreFolder();
  try {
    const grants = join(guarded.folder, 'grants.yaml');
    await writeFile(
      grants,
      'version: 1\ngrants:\n  - { who: anonymous, repositories: "lab/**", actions: pull }\n',
    );
    const closed = await guarded.start('--grants', grants);
    await createRepositoryClient(closed, 'lab/app').pushImage(image, '1');
    await createRepositoryClient(closed, 'private/app').pushImage(other, '1');
    const { repositories } = JSON.parse((await closed.get(REPOSITORIES)).body.toString());
    expect(repositories).toMatchObject([{ name: 'lab/app', kind: 'pushed' }]);
    expect(repositories).toHaveLength(1);
    expect((await closed.get(`${REPOSITORIES}/private/app`)).status).toBe(401);
    expect((await closed.get(`${API}/export/private/app:1`)).status).toBe(401);
    expect((await closed.get(`${API}/export/lab/app:1`)).status).toBe(200);
    expect((await closed.request('GET', `${API}/export/private/app:1`)).status).toBe(200);
  } finally {
    await guarded.remove();
  }
});
