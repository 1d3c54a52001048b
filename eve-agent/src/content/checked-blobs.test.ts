// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { silentLog } from '@local-datastore/shared/log';
import { digestOfHex, formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenBlob } from '../mirror/blob-flights.ts';
import { type BlobCache, createBlobCache } from './blob-cache.ts';
import { type CheckedBlobs, createCheckedBlobs } from './checked-blobs.ts';

const { signal } = new AbortController();
const BYTES = randomBytes(1024 * 1024 + 7);
const LAST = BYTES.length - 1;
let folder: string;
let cache: BlobCache;
let blobs: CheckedBlobs;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checked-blobs-'));
  cache = createBlobCache(folder, { maxBytes: 1e9, reserveBytes: 0 });
  await cache.open();
  blobs = createCheckedBlobs(cache, silentLog, signal);
});
afterEach(() => rm(folder, { recursive: true }));

const digestOf = (bytes: Buffer, algorithm = 'sha256') =>
  digestOfHex(createHash(algorithm).update(bytes).digest('hex'));
async function put(bytes: Buffer, digest: OciDigest): Promise<OciDigest> {
  await writeFile(cache.pathOf(digest), bytes);
  await cache.settle(digest);
  return digest;
}
const rotten = () => {
  const bytes = Buffer.from(BYTES);
  bytes[1000] = (bytes[1000] ?? 0) ^ 1;
  return bytes;
};
/** The bytes of a blob that is open. */
const bytesOf = (blob: OpenBlob | null, first: number, last: number) => {
  if (blob === null) throw new Error('it is not here');
  return buffer(blob.read(first, last));
};
const isHere = (digest: OciDigest) =>
  stat(cache.pathOf(digest)).then(
    () => true,
    () => false,
  );

describe.each(['sha256', 'sha512'])('by %s', (algorithm) => {
  it('gives what is right, whole and in parts', async () => {
    const digest = await put(BYTES, digestOf(BYTES, algorithm));
    const whole = await blobs.open(digest, true);
    expect(whole?.sizeBytes).toBe(BYTES.length);
    expect((await bytesOf(whole, 0, LAST)).equals(BYTES)).toBe(true);
    const part = await blobs.open(digest, false);
    expect(await bytesOf(part, 5, 9)).toEqual(BYTES.subarray(5, 10));
    expect(await blobs.read(digest, BYTES.length - 1)).toBeNull();
    expect(await blobs.read(digest, BYTES.length)).toEqual(BYTES);
  });

  it('never gives all of what is damaged, nor any part, and removes it', async () => {
    const digest = await put(rotten(), digestOf(BYTES, algorithm));
    const whole = await blobs.open(digest, true);
    await expect(bytesOf(whole, 0, LAST)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(await isHere(digest)).toBe(false);
    await put(rotten(), digest);
    expect(await blobs.open(digest, false)).toBeNull();
    expect(await isHere(digest)).toBe(false);
    await put(rotten(), digest);
    expect(await blobs.read(digest, BYTES.length)).toBeNull();
    expect(await isHere(digest)).toBe(false);
  });
});

it('is kept while somebody has it', async () => {
  const digest = await put(BYTES, digestOf(BYTES));
  const small = createBlobCache(folder, { maxBytes: BYTES.length, reserveBytes: 0 });
  await small.open();
  const held = await createCheckedBlobs(small, silentLog, signal).open(digest, true);
  const other = digestOfHex('f'.repeat(64));
  await expect(small.claim(other, 10)).rejects.toMatchObject({ code: 'NO_SPACE' });
  held?.release();
  await small.claim(other, 10);
  expect(await isHere(digest)).toBe(false);
});

it('finds all that is damaged, and nothing else', async () => {
  const right = await put(BYTES, digestOf(BYTES, 'sha512'));
  const wrong = await put(rotten(), digestOf(BYTES));
  const found = await blobs.scrub(Number.MAX_SAFE_INTEGER, signal);
  expect(found).toEqual({ checked: 2, bytes: 2 * BYTES.length, damaged: [formatDigest(wrong)] });
  expect([await isHere(right), await isHere(wrong)]).toEqual([true, false]);
  const again = await blobs.scrub(Number.MAX_SAFE_INTEGER, signal);
  expect(again).toEqual({ checked: 1, bytes: BYTES.length, damaged: [] });
  await expect(blobs.scrub(1e9, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
});

it('does not count as asked for what it reads again', async () => {
  const [first, second] = ['first', 'second'].map((text) => Buffer.from(text)) as [Buffer, Buffer];
  await put(first, digestOf(first));
  await put(second, digestOf(second));
  await utimes(cache.pathOf(digestOf(first)), 1000, 1000);
  await cache.find(digestOf(second));
  await blobs.scrub(Number.MAX_SAFE_INTEGER, signal);
  expect((await stat(cache.pathOf(digestOf(first)))).mtimeMs).toBe(1_000_000);
  expect(cache.list().map(({ digest }) => digest)).toEqual([digestOf(first), digestOf(second)]);
});

it('leaves what has come in the place of what it read', async () => {
  const digest = await put(BYTES, digestOf(BYTES));
  const path = cache.pathOf(digest);
  await rm(path);
  // Who opens it waits until somebody writes to it.
  execFileSync('mkfifo', [path]);
  const scrubbing = blobs.scrub(Number.MAX_SAFE_INTEGER, signal);
  const pipe = await open(path, 'w');
  await writeFile(join(folder, 'new'), BYTES);
  await rename(join(folder, 'new'), path);
  await pipe.writeFile('damaged');
  await pipe.close();
  expect((await scrubbing).damaged).toEqual([formatDigest(digest)]);
  expect((await readFile(path)).equals(BYTES)).toBe(true);
});

it('forgets what is gone, and finds nothing wrong with it', async () => {
  const digest = await put(BYTES, digestOf(BYTES));
  await rm(cache.pathOf(digest));
  expect(await blobs.scrub(1e9, signal)).toEqual({ checked: 0, bytes: 0, damaged: [] });
  expect(cache.list()).toEqual([]);
});

it('goes on with the others where what is damaged cannot be removed', async () => {
  const wrong = await put(rotten(), digestOf(BYTES));
  const right = Buffer.from('right');
  await put(right, digestOf(right));
  const stuck = { ...cache, remove: () => Promise.reject(new Error('EROFS: read-only file system')) };
  const found = await createCheckedBlobs(stuck, silentLog, signal).scrub(Number.MAX_SAFE_INTEGER, signal);
  expect(found).toMatchObject({ checked: 2, damaged: [formatDigest(wrong)] });
});
