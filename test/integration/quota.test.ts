// SPDX-License-Identifier: Apache-2.0
/** The quota is judged by what will be there at the end, whatever way an image comes in. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
  UPLOADS,
} from '../lab/loopback-datastore.ts';

const QUOTA = 1024 * 1024;
const OLD = Buffer.alloc(700_000, 'o');
const NEW = Buffer.alloc(800_000, 'n');

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
beforeEach(async () => {
  place = await createDatastoreFolder();
  await place.put('a.img', OLD);
  await writeFile(join(place.folder, 'a.img'), NEW);
});
afterEach(() => place.remove());

const contentOf = async (path: string) => (await datastore.get(`/${path}`)).body;
const start = async () => {
  datastore = await place.start('--quota', String(QUOTA));
};

async function upload(path: string, content: Buffer): Promise<string | number> {
  const metadata = `path ${Buffer.from(path).toString('base64')},replace ${Buffer.from('true').toString('base64')}`;
  const tus = { 'tus-resumable': '1.0.0' };
  const created = await datastore.request('POST', UPLOADS, {
    headers: { ...tus, 'upload-length': String(content.length), 'upload-metadata': metadata },
  });
  if (created.status !== 201) return problemOf(created);
  const { pathname } = new URL(created.headers.location ?? '', datastore.url);
  const headers = { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
  return (await datastore.request('PATCH', pathname, { headers, body: content })).status;
}

it('lets an image be replaced by PUT where both together would be too much, and none beside it', async () => {
  await start();
  expect(problemOf(await datastore.request('PUT', '/b.img', { body: NEW }))).toBe('QUOTA_EXCEEDED');
  expect((await datastore.request('PUT', '/a.img', { body: NEW })).status).toBe(200);
  expect((await contentOf('a.img')).equals(NEW)).toBe(true);
  const tooLarge = Buffer.alloc(QUOTA + 1);
  expect(problemOf(await datastore.request('PUT', '/a.img', { body: tooLarge }))).toBe('QUOTA_EXCEEDED');
  expect((await contentOf('a.img')).equals(NEW)).toBe(true);
});

it('lets an image be replaced by a resumable upload', async () => {
  await start();
  expect(await upload('b.img', NEW)).toBe('QUOTA_EXCEEDED');
  expect(await upload('a.img', NEW)).toBe(204);
  expect((await contentOf('a.img')).equals(NEW)).toBe(true);
});

it('lets an image be replaced by a bundle', async () => {
  const other = await createDatastoreFolder();
  await other.put('a.img', NEW);
  const bundle = join(place.folder, 'bundle.tar');
  expect((await other.run('images', 'export', bundle)).exitCode).toBe(0);
  await other.remove();
  expect(await place.run('images', 'import', bundle, '--replace', '--quota', String(QUOTA))).toMatchObject({
    exitCode: 0,
  });
  await start();
  expect((await contentOf('a.img')).equals(NEW)).toBe(true);
});

it('keeps the quota over several files of one command, and replaces within it', async () => {
  const files = ['b.img', 'c.img'].map((name) => join(place.folder, name));
  for (const file of files) await writeFile(file, Buffer.alloc(200_000));
  const quota = ['--quota', String(QUOTA)];
  const added = await place.run('images', 'add', ...files, ...quota);
  expect([added.exitCode, added.stdout]).toEqual([6, expect.stringContaining('/b.img')]);
  expect(added.stderr).toContain('c.img');
  expect(added.stdout).not.toContain('c.img');
  const replaced = await place.run('images', 'add', join(place.folder, 'a.img'), '--replace', ...quota);
  expect(replaced).toMatchObject({ exitCode: 0 });
  await start();
  expect((await contentOf('a.img')).equals(NEW)).toBe(true);
});
