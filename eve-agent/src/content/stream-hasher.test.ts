// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createStreamHasher } from './stream-hasher.ts';

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stream-hasher-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('hashes what a file holds, and what follows in memory', async () => {
  const path = join(folder, 'prefix');
  const prefix = Buffer.alloc(3_000_001, 'prefix');
  await writeFile(path, prefix);
  const memory = new SharedArrayBuffer(4096);
  const rest = new Uint8Array(memory, 100, 1000).fill(7);
  const hasher = createStreamHasher(memory, () => {});
  hasher.updateFromFile(path, prefix.length);
  await new Promise<void>((onHashed) => hasher.updateFromMemory(100, 1000, onHashed));
  expect(await hasher.digest()).toBe(sha256Of(Buffer.concat([prefix, rest])));
  hasher.close();
});

it('no longer needs the file once it is reset', async () => {
  const path = join(folder, 'prefix');
  await writeFile(path, '');
  const lengthBytes = 64 * 1024 * 1024;
  await truncate(path, lengthBytes);
  const errors: Error[] = [];
  const hasher = createStreamHasher(new SharedArrayBuffer(4096), (error) => errors.push(error));
  hasher.updateFromFile(path, lengthBytes);
  await hasher.reset();
  await truncate(path, 0);
  expect(await hasher.digest()).toBe(sha256Of(Buffer.alloc(0)));
  expect(errors).toEqual([]);
  hasher.close();
});
