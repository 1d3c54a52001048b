// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hashFile } from './hash-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hash-file-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

it('hashes a file, and can be stopped', async () => {
  const path = join(folder, 'file');
  const digestOf = (algorithm: string) => createHash(algorithm).update('a').digest('hex');
  await writeFile(path, 'a');
  const signal = new AbortController().signal;
  expect(await hashFile(path, 1e9, signal)).toEqual({ hex: digestOf('sha256'), sizeBytes: 1 });
  expect((await hashFile(path, 1e9, signal, 'sha512')).hex).toBe(digestOf('sha512'));
  await expect(hashFile(path, 1e9, AbortSignal.abort())).rejects.toThrow();
});
