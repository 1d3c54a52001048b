// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BlobCache, createBlobCache } from './blob-cache.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blob-cache-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const digestOf = (digit: string, digits = 64) => digestOfHex(digit.repeat(digits));
const BLOBS = () => join(folder, 'blobs', 'sha256');
async function openCache(maxBytes: number, reserveBytes = 0): Promise<BlobCache> {
  const cache = createBlobCache(folder, { maxBytes, reserveBytes });
  await cache.open();
  return cache;
}
/** Three of a hundred bytes, in the order of their use, and one that is on its way. */
async function fill(): Promise<void> {
  const { pathOf } = await openCache(1000);
  for (const [i, digit] of ['1', '2', '3'].entries()) {
    await writeFile(pathOf(digestOf(digit)), 'x'.repeat(100));
    await utimes(pathOf(digestOf(digit)), i + 1, i + 1);
  }
}
const listed = (cache: BlobCache) => cache.list().map(({ digest }) => digest);
const left = async () =>
  (await readdir(BLOBS()))
    .filter((name) => !name.startsWith('.'))
    .map((name) => name[0])
    .sort()
    .join('');

it.each([
  [300, '123'],
  [299, '23'],
  [100, '3'],
  [0, ''],
])('keeps of three hundred bytes at most %i at its start', async (maxBytes, expected) => {
  await fill();
  const cache = await openCache(maxBytes);
  expect(await left()).toBe(expected);
  expect(listed(cache).map(({ hex }) => hex[0])).toEqual(expected.split(''));
});

it.each<[string, number, string[], string]>([
  ['nothing where there is room', 100, [], '123'],
  ['what was asked for the longest time ago', 101, [], '23'],
  ['as much as is needed', 250, [], '3'],
  ['nothing that is being served', 250, ['1'], '1'],
  ['nothing that is found meanwhile', 101, ['find 1'], '13'],
])('removes %s', async (_what, neededBytes, uses, expected) => {
  await fill();
  const cache = await openCache(400);
  for (const use of uses) {
    if (use.startsWith('find')) expect(await cache.find(digestOf('1'))).toEqual({ sizeBytes: 100 });
    else cache.hold(digestOf(use));
  }
  await cache.claim(digestOf('4'), neededBytes);
  expect(await left()).toBe(expected);
});

it.each<[string, number, number, RegExp]>([
  ['is larger than all that is kept', 1001, 0, /has 1001 bytes, and at most 1000 are kept/],
  ['finds all in use', 800, 0, /are in use at this time/],
  ['does not fit on the disk', 100, Number.MAX_SAFE_INTEGER, /not free in .* \(--reserve\)/],
])('refuses what %s', async (_what, neededBytes, reserveBytes, message) => {
  await fill();
  const cache = await openCache(1000, reserveBytes);
  for (const digit of ['1', '2', '3']) cache.hold(digestOf(digit));
  await expect(cache.claim(digestOf('4'), neededBytes)).rejects.toMatchObject({
    code: 'NO_SPACE',
    message: expect.stringMatching(message),
  });
  expect(await left()).toBe('123');
});

it('counts what arrives as whole from its beginning, and what came of it once', async () => {
  const cache = await openCache(1000);
  await writeFile(join(BLOBS(), `.${'4'.repeat(64)}.partial`), 'x'.repeat(300));
  await cache.settle(digestOf('4'));
  await cache.claim(digestOf('5'), 600);
  await expect(cache.claim(digestOf('6'), 500)).rejects.toMatchObject({ code: 'NO_SPACE' });
  await cache.claim(digestOf('6'), 400);
  expect(await readdir(BLOBS())).toEqual([]);
  await writeFile(cache.pathOf(digestOf('5')), 'x'.repeat(600));
  for (const digit of ['5', '6']) await cache.settle(digestOf(digit));
  expect(cache.list()).toMatchObject([{ digest: digestOf('5'), sizeBytes: 600 }]);
  await cache.claim(digestOf('7'), 400);
  expect(await left()).toBe('5');
});

it('has sha512 beside sha256, and forgets what others remove', async () => {
  const cache = await openCache(1000);
  const long = digestOf('a', 128);
  expect(await cache.find(long)).toBeNull();
  await writeFile(cache.pathOf(long), 'content');
  expect(await cache.find(long)).toEqual({ sizeBytes: 7 });
  expect(listed(cache)).toEqual([long]);
  await rm(cache.pathOf(long));
  expect(await cache.find(long)).toBeNull();
  expect(cache.list()).toEqual([]);
  await writeFile(cache.pathOf(long), 'content');
  await cache.settle(long);
  await cache.remove(long);
  expect([await cache.find(long), cache.list()]).toEqual([null, []]);
});
