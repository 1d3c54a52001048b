// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readChecked } from './checked-read.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checked-read-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const digestOf = (bytes: Buffer, algorithm = 'sha256') =>
  digestOfHex(createHash(algorithm).update(bytes).digest('hex'));

it.each([0, 1, 512 * 1024, 512 * 1024 + 1, 3 * 1024 * 1024])('gives all of %i bytes', async (size) => {
  const bytes = randomBytes(size);
  const path = join(folder, 'file');
  await writeFile(path, bytes);
  expect((await buffer(readChecked(path, digestOf(bytes)))).equals(bytes)).toBe(true);
});

it.each([1, 512 * 1024, 3 * 1024 * 1024])('never gives all of %i bytes that are wrong', async (size) => {
  const bytes = randomBytes(size);
  const path = join(folder, 'file');
  await writeFile(path, bytes);
  let given = 0;
  const reading = (async () => {
    for await (const piece of readChecked(path, digestOf(Buffer.from('else')))) given += piece.length;
  })();
  await expect(reading).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  expect(given).toBeLessThan(size);
});
