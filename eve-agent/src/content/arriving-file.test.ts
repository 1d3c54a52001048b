// SPDX-License-Identifier: Apache-2.0
import { appendFile, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ArrivingFile, createArrivingFile, WITHHELD_BYTES } from './arriving-file.ts';
import { partialPaths } from './partial-file.ts';

const SIZE = 3 * WITHHELD_BYTES;
const CONTENT = Buffer.alloc(SIZE, 'content of a layer, ');
let folder: string;
let path: string;
let file: ArrivingFile;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arriving-file-'));
  path = join(folder, 'blob');
  file = createArrivingFile(path, SIZE);
});
afterEach(() => rm(folder, { recursive: true }));

/** The first bytes are in the partial file. */
async function arrive(bytes: number, content = CONTENT): Promise<void> {
  const here = await stat(partialPaths(path).file).catch(() => null);
  await appendFile(partialPaths(path).file, content.subarray(here?.size ?? 0, bytes));
  file.onStored(bytes);
}
async function verify(): Promise<void> {
  await rename(partialPaths(path).file, path);
  file.onVerified();
}

it('gives each who reads what there is, and the last of it when all is right', async () => {
  await arrive(100);
  const reading = file.read(0, SIZE - 1);
  expect((await reading.next()).value).toEqual(CONTENT.subarray(0, 100));
  await arrive(SIZE);
  const beside = file.read(0, SIZE - 1);
  const readable = SIZE - WITHHELD_BYTES;
  expect((await reading.next()).value).toEqual(CONTENT.subarray(100, readable));
  expect((await beside.next()).value).toEqual(CONTENT.subarray(0, readable));
  const [last, besides] = [reading.next(), beside.next()];
  await verify();
  for (const end of [await last, await besides]) expect(end.value).toEqual(CONTENT.subarray(readable));
  expect((await reading.next()).done).toBe(true);
});

it.each([
  [0, 9],
  [WITHHELD_BYTES, WITHHELD_BYTES + 5],
  [SIZE - 10, SIZE - 1],
  [0, SIZE - 1],
])('gives the bytes %i to %i', async (first, last) => {
  const reading = buffer(file.read(first, last));
  await arrive(50);
  await arrive(SIZE);
  await verify();
  expect(await reading).toEqual(CONTENT.subarray(first, last + 1));
});

it('gives a file that has its name by now', async () => {
  await arrive(SIZE);
  await verify();
  expect(await buffer(file.read(0, SIZE - 1))).toEqual(CONTENT);
});

it('never gives all of what turns out to be wrong, and cuts off who has some of it', async () => {
  await arrive(SIZE, Buffer.alloc(SIZE, 'wrong'));
  const cut = file.read(0, SIZE - 1);
  await cut.next();
  const patient = buffer(file.read(SIZE - 20, SIZE - 1));
  const rest = cut.next();
  await rm(partialPaths(path).file);
  file.onEmptied();
  await expect(rest).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  await arrive(SIZE);
  await verify();
  expect(await patient).toEqual(CONTENT.subarray(SIZE - 20));
});

it('says why nothing more comes', async () => {
  await arrive(100);
  const reading = file.read(0, SIZE - 1);
  await reading.next();
  const rest = reading.next();
  file.onFailed(new Error('the link is down'));
  await expect(rest).rejects.toThrow('the link is down');
  await expect(file.read(200, 300).next()).rejects.toThrow('the link is down');
});

it('withholds all of what is small', async () => {
  file = createArrivingFile(path, 10);
  await writeFile(partialPaths(path).file, '0123456789');
  file.onStored(10);
  let isGiven = false;
  const reading = buffer(file.read(0, 9)).then((bytes) => {
    isGiven = true;
    return bytes.toString();
  });
  await new Promise(setImmediate);
  expect(isGiven).toBe(false);
  await verify();
  expect(await reading).toBe('0123456789');
});
