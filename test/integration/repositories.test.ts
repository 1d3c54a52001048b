// SPDX-License-Identifier: Apache-2.0
/** Repositories as the API shows them, to whom they may be shown; and images as archives. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
} from '../lab/loopback-datastore.ts';
import { createRepositoryClient, indexOf, OCI_MANIFEST, someImage } from './registry-content.ts';

const API = '/-/api/v1/registry';
const GRANTS = `version: 1
grants:
  - { who: anonymous, repositories: "lab/**", actions: pull }
  - { who: "user:alice", repositories: "secret/**", actions: pull }
`;

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let alice: Record<string, string>;
const image = someImage();
const second = someImage();
const index = indexOf([image, second]);

beforeAll(async () => {
  place = await createDatastoreFolder();
  await mkdir(place.state, { recursive: true });
  await writeFile(join(place.state, 'grants.yaml'), GRANTS);
  const added = await place.runPlain('registry', 'user', 'add', 'alice', '--state', place.state);
  alice = { authorization: `Basic ${Buffer.from(`alice:${added.stdout.trim()}`).toString('base64')}` };
  datastore = await place.start();
  for (const name of ['lab/app', 'secret/app']) {
    const repository = createRepositoryClient(datastore, name);
    await repository.pushImage(image, 'one');
    await repository.pushImage(second, 'moved');
    await repository.putManifest(image, 'moved');
    await repository.putManifest(index, 'both');
  }
});
afterAll(() => place?.remove());

const json = async (path: string, headers: Record<string, string> = {}) =>
  JSON.parse((await datastore.get(`${API}/${path}`, headers)).body.toString());
const names = async (path: string, headers?: Record<string, string>) =>
  (await json(path, headers)).repositories.map(({ name }: { name: string }) => name);

describe('the list of repositories', () => {
  it('shows everybody what everybody may pull, and each their own', async () => {
    expect(await names('repositories')).toEqual(['lab/app']);
    expect(await names('repositories', alice)).toEqual(['lab/app', 'secret/app']);
  });

  it('comes in pages', async () => {
    expect(await json('repositories?n=1', alice)).toMatchObject({ isMore: true });
    expect(await names('repositories?n=1&last=lab/app', alice)).toEqual(['secret/app']);
    expect(problemOf(await datastore.get(`${API}/repositories?n=x`))).toBe(400);
  });
});

describe('one repository', () => {
  it.each(['lab/app', 'lab%2Fapp'])('is told with its tags: %s', async (name) => {
    const sizeBytes = [image, ...image.blobs].reduce((sum, { bytes }) => sum + bytes.length, 0);
    const found = await json(`repositories/${name}`);
    expect(found).toMatchObject({
      name: 'lab/app',
      kind: 'pushed',
      tagCount: 3,
      manifests: 0,
      isMore: false,
    });
    expect(found.tags.map(({ tag }: { tag: string }) => tag)).toEqual(['both', 'moved', 'one']);
    expect(found.tags[1].versions).toMatchObject([
      { number: 1, digest: second.descriptor.digest },
      { number: 2, digest: image.descriptor.digest },
    ]);
    expect(found.tags[0]).toMatchObject({ kind: 'index', platforms: ['linux/amd64'] });
    expect(found.tags[2]).toMatchObject({
      ...{ tag: 'one', kind: 'image', digest: image.descriptor.digest, mediaType: OCI_MANIFEST, sizeBytes },
      ...{ platforms: ['linux/amd64'], artifactType: null, isReleased: false, isComplete: true },
    });
  });

  it.each([
    ['lab/absent', {}, 404],
    ['Lab/App', {}, 'NAME_INVALID'],
    ['secret/app', {}, 401],
    ['secret/absent', {}, 401],
  ])('is refused: %s', async (name, headers, expected) => {
    expect(problemOf(await datastore.get(`${API}/repositories/${name}`, headers))).toBe(expected);
  });

  it('of a private name is shown to who has a grant', async () => {
    expect((await json('repositories/secret/app', alice)).tagCount).toBe(3);
  });
});

it('upstreams are told, also where there are none', async () => {
  expect(await json('upstreams')).toEqual({ upstreams: [], imports: [] });
});

describe('an export', () => {
  it.each([
    ['Lab/App:one', 400],
    ['secret/app:one', 401],
  ])('of %s is refused', async (asked, expected) => {
    expect(problemOf(await datastore.get(`${API}/export/${asked}`))).toBe(expected);
  });
});
