// SPDX-License-Identifier: Apache-2.0
/** Silent corruption: found by `images verify` and by the datastore itself, and taken out of service. */
import { createHash } from 'node:crypto';
import { chmod, link, mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  MODIFIED,
  problemOf,
} from '../lab/loopback-datastore.ts';
import { editIndex, rot as rotAt } from './rotten-image.ts';

const GOOD = Buffer.alloc(300_000, 'x');
const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest('hex');

let folders: DatastoreFolder;
beforeEach(async () => {
  folders = await createDatastoreFolder();
  await mkdir(folders.root);
  for (const name of ['good.img', 'rotten.img']) {
    await writeFile(join(folders.root, name), GOOD);
    await utimes(join(folders.root, name), MODIFIED, MODIFIED);
  }
});
afterEach(() => folders.remove());

const rot = (name: string, content: string) => rotAt(folders, name, content, 200_000);
const imageOf = (datastore: LoopbackDatastore, name: string) => datastore.json(`/-/api/v1/images/${name}`);
const stateOf = async (datastore: LoopbackDatastore, name: string) => (await imageOf(datastore, name)).state;

async function startHashed(...args: string[]): Promise<LoopbackDatastore> {
  const datastore = await folders.start(...args);
  for (const name of ['good.img', 'rotten.img']) {
    await expect.poll(() => stateOf(datastore, name)).toBe('ready');
  }
  return datastore;
}

async function expectOutOfService(datastore: LoopbackDatastore): Promise<void> {
  const answer = await datastore.request('GET', '/rotten.img');
  expect([answer.status, problemOf(answer)]).toEqual([503, 'IMAGE_CORRUPT']);
  expect((await datastore.request('GET', '/good.img')).status).toBe(200);
  expect(await imageOf(datastore, 'rotten.img')).toMatchObject({ state: 'corrupt', sha256: sha256Of(GOOD) });
}

it('takes out of service what images verify finds, over restarts, until it is replaced', async () => {
  let datastore = await startHashed();
  const before = (await imageOf(datastore, 'good.img')).verifiedAt as string;
  expect(await datastore.stop()).toBe(0);
  await rot('rotten.img', 'y');
  datastore = await startHashed();
  const verified = await folders.run('images', 'verify');
  expect(verified.exitCode).toBe(5);
  expect(verified.stdout).toContain('rotten.img: CORRUPT');
  await expect.poll(() => stateOf(datastore, 'rotten.img')).toBe('corrupt');
  await expectOutOfService(datastore);
  await expect.poll(async () => (await imageOf(datastore, 'good.img')).verifiedAt).not.toBe(before);
  expect((await folders.run('images', 'list')).stdout).toContain('rotten.img  CORRUPT\n');

  expect(await datastore.stop()).toBe(0);
  datastore = await folders.start();
  await expectOutOfService(datastore);
  // The file is left for whoever wants to look into it.
  expect((await readFile(join(folders.root, 'rotten.img'))).length).toBe(GOOD.length);

  expect((await datastore.request('PUT', '/rotten.img', { body: GOOD })).status).toBe(200);
  expect((await datastore.request('GET', '/rotten.img')).body.equals(GOOD)).toBe(true);
  expect(await stateOf(datastore, 'rotten.img')).toBe('ready');
});

it('a new mode, owner or name mends nothing, and the right content does', async () => {
  expect(await (await startHashed()).stop()).toBe(0);
  await rot('rotten.img', 'y');
  expect((await folders.run('images', 'verify')).exitCode).toBe(5);
  const datastore = await folders.start('--scrub-interval', '0');
  await expectOutOfService(datastore);
  const file = join(folders.root, 'rotten.img');
  await chmod(file, 0o600);
  await expect.poll(datastore.log).toContain('an image is still corrupt');
  await expectOutOfService(datastore);
  await link(file, join(folders.folder, 'another-name'));
  // A name elsewhere is told to nobody who watches the root; a mode is.
  await chmod(file, 0o644);
  await expect.poll(() => datastore.log().match(/is still corrupt/g)?.length).toBe(2);
  await expectOutOfService(datastore);
  await writeFile(file, GOOD);
  await utimes(file, MODIFIED, MODIFIED);
  await expect.poll(() => stateOf(datastore, 'rotten.img')).toBe('ready');
  expect((await datastore.request('GET', '/rotten.img')).body.equals(GOOD)).toBe(true);
});

it('learns at the next start what was found while it did not run, and that it is well again', async () => {
  expect(await (await startHashed()).stop()).toBe(0);
  await rot('rotten.img', 'y');
  expect((await folders.run('images', 'verify')).exitCode).toBe(5);
  const list = JSON.parse((await folders.run('images', 'list', '--json')).stdout);
  expect(list.images.map(({ path, state }: { path: string; state?: string }) => [path, state])).toEqual([
    ['good.img', undefined],
    ['rotten.img', 'corrupt'],
  ]);
  let datastore = await folders.start();
  await expectOutOfService(datastore);
  expect(await datastore.stop()).toBe(0);
  await rot('rotten.img', 'x');
  datastore = await folders.start();
  await expectOutOfService(datastore);
  expect((await folders.run('images', 'verify')).exitCode).toBe(0);
  await expect.poll(() => stateOf(datastore, 'rotten.img')).toBe('ready');
  expect((await datastore.request('GET', '/rotten.img')).status).toBe(200);
});

it('finds it by itself when images are due to be read again', async () => {
  expect(await (await startHashed()).stop()).toBe(0);
  await rot('rotten.img', 'y');
  // An index of before scrubbing says nothing of when an image was read.
  await editIndex(folders, (images) => {
    for (const image of Object.values(images)) delete image.verified;
  });
  const datastore = await folders.start('--scrub-interval', '1', '--scrub-rate', '1M');
  await expect.poll(() => stateOf(datastore, 'rotten.img')).toBe('corrupt');
  await expectOutOfService(datastore);
  await expect.poll(async () => (await imageOf(datastore, 'good.img')).verifiedAt).toMatch(/Z$/);
});
