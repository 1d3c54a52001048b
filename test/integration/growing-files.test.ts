// SPDX-License-Identifier: Apache-2.0
/** Files that are copied into the root, and the pauses that a copy makes. */
import { createHash, randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';

const CONTENT = randomBytes(300_000);

let place: DatastoreFolder;
let server: LoopbackDatastore;
beforeAll(async () => {
  place = await createDatastoreFolder();
  server = await place.start();
});
afterAll(() => place.remove());

const imageAt = (path: string) => server.json(`/-/api/v1/images/${path}`);

it('is not ready as long as a copy pauses, and soon once it is closed', async () => {
  const copy = await open(join(place.root, 'copied.img'), 'w');
  await copy.write(CONTENT.subarray(0, 100_000));
  // What comes later, and is closed, is ready: the copy was left alone for longer than that took.
  await writeFile(join(place.root, 'later.img'), 'later');
  await expect.poll(async () => (await imageAt('later.img')).state).toBe('ready');
  expect(await imageAt('copied.img')).toMatchObject({ state: 'hashing', isGrowing: true, sha256: null });
  expect((await server.get('/copied.img')).headers).not.toHaveProperty('repr-digest');

  await copy.write(CONTENT.subarray(100_000));
  await copy.close();
  await expect.poll(async () => (await imageAt('copied.img')).state).toBe('ready');
  expect(await imageAt('copied.img')).toMatchObject({
    sizeBytes: CONTENT.length,
    isGrowing: false,
    sha256: createHash('sha256').update(CONTENT).digest('hex'),
  });
});
