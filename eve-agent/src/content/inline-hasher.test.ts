// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createInlineHasher } from './inline-hasher.ts';

const STORED = Buffer.alloc(3_000_000, 'stored');
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inline-hasher-'));
  path = join(folder, 'file');
  await writeFile(path, STORED);
});
afterEach(() => rm(folder, { recursive: true }));

function setUp() {
  const memory = new SharedArrayBuffer(64);
  Buffer.from(memory).write('bytes of the memory');
  const errors: Error[] = [];
  return { errors, hasher: createInlineHasher(memory, (error) => errors.push(error)) };
}

it('hashes memory at once, and after a file when that is read', async () => {
  const { hasher } = setUp();
  const hashed: number[] = [];
  hasher.updateFromMemory(0, 5, () => hashed.push(1));
  expect(hashed).toEqual([1]);
  expect(await hasher.digest()).toBe(contentDigest(Buffer.from('bytes')).hex);
  hasher.updateFromFile(path, STORED.length);
  hasher.updateFromMemory(0, 5, () => hashed.push(2));
  hasher.updateFromMemory(5, 3, () => hashed.push(3));
  expect(hashed).toEqual([1]);
  const whole = Buffer.concat([STORED, Buffer.from('bytes of')]);
  expect(await hasher.digest()).toBe(contentDigest(whole).hex);
  expect(hashed).toEqual([1, 2, 3]);
});

it('reads the file that was there, whatever takes its place, and forgets it when it starts again', async () => {
  const { errors, hasher } = setUp();
  hasher.updateFromFile(path, STORED.length);
  await rm(path);
  await writeFile(path, '');
  await hasher.reset('sha512');
  hasher.updateFromMemory(0, 5, () => {});
  expect(await hasher.digest()).toBe(contentDigest(Buffer.from('bytes'), 'sha512').hex);
  expect(errors).toEqual([]);
});

it('tells of a file that is shorter than it was', async () => {
  const { errors, hasher } = setUp();
  hasher.updateFromFile(path, STORED.length + 1);
  await expect(hasher.digest()).rejects.toThrow('before byte');
  expect(errors).toHaveLength(1);
});
