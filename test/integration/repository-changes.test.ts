// SPDX-License-Identifier: Apache-2.0
/** Changes of repositories by the API: what they do, and who may. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
} from '../lab/loopback-datastore.ts';
import { createRepositoryClient, indexOf, type RepositoryClient, someImage } from './registry-content.ts';

const AT = '/-/api/v1/registry/repositories/lab/app';
const GRANTS = `version: 1
grants:
  - { who: anonymous, repositories: "lab/**", actions: pull }
  - { who: "user:alice", repositories: "lab/**", actions: [pull, push] }
`;

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
let alice: Record<string, string>;
let image = someImage();

beforeAll(async () => {
  place = await createDatastoreFolder();
  await mkdir(place.state, { recursive: true });
  await writeFile(join(place.state, 'grants.yaml'), GRANTS);
  const added = await place.runPlain('registry', 'user', 'add', 'alice', '--state', place.state);
  alice = { authorization: `Basic ${Buffer.from(`alice:${added.stdout.trim()}`).toString('base64')}` };
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'lab/app');
});
afterAll(() => place?.remove());

beforeEach(async () => {
  image = someImage();
  await repository.pushImage(image, 'one');
});

const statusOf = async (reference: string) => (await repository.get(`manifests/${reference}`)).status;
const change = async (method: string, path: string, document?: unknown) =>
  problemOf(
    await datastore.request(method, `${AT}/${path}`, {
      ...(document !== undefined && { body: JSON.stringify(document) }),
    }),
  );

it('a tag is pointed to what is there, and removed', async () => {
  const { digest } = image.descriptor;
  expect(await change('PUT', 'tags/two', { digest })).toBe(204);
  expect(await change('DELETE', 'tags/one')).toBe(204);
  expect([await statusOf('one'), await statusOf('two'), await statusOf(digest)]).toEqual([404, 200, 200]);
  expect(await change('DELETE', 'tags/one')).toBe(404);
});

it('a released tag stays as it is, until it is let go', async () => {
  const other = someImage();
  await repository.pushImage(image, 'fixed');
  await repository.pushImage(other);
  const { digest } = other.descriptor;
  expect(await change('PUT', 'tags/fixed/release')).toBe(204);
  expect(await change('PUT', 'tags/fixed', { digest })).toBe('TAG_RELEASED');
  expect(await change('DELETE', 'tags/fixed')).toBe('TAG_RELEASED');
  expect(await change('DELETE', `manifests/${image.descriptor.digest}`)).toBe('TAG_RELEASED');
  const { tags } = JSON.parse((await datastore.get(AT)).body.toString());
  expect(tags).toContainEqual(expect.objectContaining({ tag: 'fixed', isReleased: true }));
  expect(await change('DELETE', 'tags/fixed/release')).toBe(204);
  expect(await change('PUT', 'tags/fixed', { digest })).toBe(204);
});

it('a manifest goes with its tags; that of an index only by force', async () => {
  const { digest } = image.descriptor;
  const index = indexOf([image]);
  await repository.putManifest(index, 'both');
  expect(await change('DELETE', `manifests/${digest}`)).toBe('MANIFEST_REFERENCED');
  expect(await change('DELETE', `manifests/${digest}?force=true`)).toBe(204);
  expect([await statusOf('one'), await statusOf(digest), await statusOf('both')]).toEqual([404, 404, 200]);
});

it.each([
  ['PUT', 'tags/two', undefined, 400],
  ['PUT', 'tags/two', { digest: 'sha256:12' }, 400],
  ['PUT', 'tags/two', { digest: `sha256:${'0'.repeat(64)}` }, 404],
  ['PUT', 'tags/two', { digest: 'x'.repeat(5000) }, 413],
  ['PUT', 'tags/-two', { digest: 'sha256:12' }, 'NAME_INVALID'],
  ['PUT', 'tags/absent/release', undefined, 404],
  ['DELETE', 'manifests/sha256:12', undefined, 400],
  ['DELETE', `manifests/sha256:${'0'.repeat(64)}`, undefined, 404],
  ['GET', 'tags/one', undefined, 405],
])('%s %s is refused: %#', async (method, path, document, expected) => {
  expect(await change(method, path, document)).toBe(expected);
});

it('of a name that holds "tags" is found as well', async () => {
  await createRepositoryClient(datastore, 'lab/tags/x').pushImage(image, '1');
  const found = await datastore.get('/-/api/v1/registry/repositories/lab%2Ftags%2Fx');
  expect(JSON.parse(found.body.toString())).toMatchObject({ name: 'lab/tags/x', tagCount: 1 });
});

it('of an archive among the images is shown as what it is, and not changed', async () => {
  const exported = await datastore.request('GET', '/-/api/v1/registry/export/lab/app:one');
  await place.put('lab/kept.tar', exported.body);
  const path = '/-/api/v1/registry/repositories/archives/lab/kept';
  await expect.poll(async () => (await datastore.request('GET', path)).status).toBe(200);
  expect(await datastore.json(path)).toMatchObject({
    ...{ name: 'archives/lab/kept', kind: 'archive', archive: 'lab/kept.tar', tagCount: 1, manifests: 0 },
    tags: [{ tag: 'one', digest: image.descriptor.digest, platforms: ['linux/amd64'], isComplete: true }],
  });
  const { digest } = image.descriptor;
  for (const [method, where] of [
    ['DELETE', `${path}/tags/one`],
    ['PUT', `${path}/tags/one/release`],
    ['DELETE', `${path}/manifests/${digest}`],
  ] as const) {
    expect(problemOf(await datastore.request(method, where))).toBe('READ_ONLY');
  }
  const body = JSON.stringify({ digest });
  expect(problemOf(await datastore.request('PUT', `${path}/tags/two`, { body }))).toBe('READ_ONLY');
  expect(JSON.parse((await datastore.request('POST', `${path}/validate`)).body.toString()).problems).toEqual(
    [],
  );
});

it('nobody changes anything but who may', async () => {
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) =>
    problemOf(await datastore.request(method, `${AT}/${path}`, { headers, withToken: false }));
  expect(await ask('DELETE', 'tags/one')).toBe(401);
  expect(await ask('POST', 'validate')).toBe(401);
  expect(await ask('DELETE', 'tags/one', alice)).toBe(403);
  expect(await ask('PUT', 'tags/one/release', alice)).toBe(204);
  expect(await ask('DELETE', 'tags/one/release', alice)).toBe(403);
  expect(await ask('PUT', 'tags/one/release', { ...alice, origin: 'http://elsewhere.example' })).toBe(
    'ORIGIN_FOREIGN',
  );
  expect(await change('DELETE', 'tags/one/release')).toBe(204);
});

it('validation finds what the disk changed, and it is served no more', async () => {
  const clean = createRepositoryClient(datastore, 'lab/checked');
  await clean.pushImage(image, '1');
  const validate = async () =>
    JSON.parse(
      (
        await datastore.request('POST', '/-/api/v1/registry/repositories/lab/checked/validate')
      ).body.toString(),
    );
  expect(await validate()).toMatchObject({ checked: image.blobs.length + 1, problems: [] });
  const [, layer] = image.blobs;
  const { digest = '' } = layer?.descriptor ?? {};
  const files = await readdir(join(place.root, '.oci'), { recursive: true });
  const file = files.find((each) => each.startsWith('blobs/') && each.endsWith(digest.slice(7))) ?? '';
  const content = await readFile(join(place.root, '.oci', file));
  content[0] = (content[0] ?? 0) ^ 1;
  await writeFile(join(place.root, '.oci', file), content);
  expect((await validate()).problems).toEqual([{ digest, problem: 'damaged' }]);
  expect((await clean.get(`blobs/${digest}`)).status).toBe(404);
  expect((await validate()).problems).toEqual([{ digest, problem: 'missing' }]);
});
