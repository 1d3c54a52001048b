// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { versionOf } from './file-version.ts';
import { createHasher, createHasherGroup, type Hasher } from './hasher.ts';

/** So much that its end is not reached before it is changed; nothing of it is on the disk. */
const HUGE_BYTES = 2 ** 42;

let folder: string;
let file: string;
let hasher: Hasher;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hasher-'));
  file = join(folder, 'huge.img');
  await writeFile(file, '');
  await truncate(file, HUGE_BYTES);
  hasher = createHasherGroup(2);
});
afterEach(async () => {
  await hasher.stop();
  await rm(folder, { recursive: true });
});

const versionAt = async (path: string) => versionOf(await stat(path, { bigint: true }));

it.each<[string, () => Promise<unknown>]>([
  ['removed', () => rm(file)],
  [
    'replaced',
    async () => {
      await writeFile(join(folder, 'other'), 'other');
      await rename(join(folder, 'other'), file);
    },
  ],
  ['cut short', () => truncate(file, 1)],
  ['given another mode', () => chmod(file, 0o600)],
])('stops to read a file that is %s', async (_what, change) => {
  const begun = Promise.withResolvers<void>();
  const outcome = hasher.hash(file, await versionAt(file), { onProgress: () => begun.resolve() });
  await begun.promise;
  await change();
  expect(await outcome).toEqual({ kind: 'changed' });
});

it.each(['sha256', 'sha512'] as const)('computes a %s', async (algorithm) => {
  const small = join(folder, 'small.img');
  await writeFile(small, 'small');
  expect(await hasher.hash(small, await versionAt(small), { algorithm })).toEqual({
    kind: 'hashed',
    hex: createHash(algorithm).update('small').digest('hex'),
  });
});

it.each([
  [0, 5, 'small'],
  [1, 3, 'mal'],
  [4, 1, 'l'],
  [2, 0, ''],
])('hashes the part from %i on, of %i bytes', async (offset, sizeBytes, part) => {
  const small = join(folder, 'small.img');
  await writeFile(small, 'small');
  expect(await hasher.hash(small, await versionAt(small), { extent: { offset, sizeBytes } })).toEqual({
    kind: 'hashed',
    hex: createHash('sha256').update(part).digest('hex'),
  });
});

it('hashes a part that is larger than its buffer, and none that goes on behind the end', async () => {
  const large = join(folder, 'large.img');
  const content = Buffer.alloc(3 * 1024 * 1024, 'abcdefg');
  await writeFile(large, content);
  const version = await versionAt(large);
  const [offset, sizeBytes] = [1000, 2 * 1024 * 1024 + 5];
  expect(await hasher.hash(large, version, { extent: { offset, sizeBytes } })).toEqual({
    kind: 'hashed',
    hex: createHash('sha256')
      .update(content.subarray(offset, offset + sizeBytes))
      .digest('hex'),
  });
  expect(await hasher.hash(large, version, { extent: { offset, sizeBytes: content.length } })).toEqual({
    kind: 'changed',
  });
});

it('hashes several at once', async () => {
  const begun = Promise.withResolvers<void>();
  const huge = hasher.hash(file, await versionAt(file), { onProgress: () => begun.resolve() });
  await begun.promise;
  const small = join(folder, 'small.img');
  await writeFile(small, 'small');
  expect(await hasher.hash(small, await versionAt(small))).toEqual({
    kind: 'hashed',
    hex: createHash('sha256').update('small').digest('hex'),
  });
  await hasher.stop();
  expect(await huge).toEqual({ kind: 'failed', reason: expect.any(String) });
});

it('fails what waits when it is stopped', async () => {
  const one = createHasher();
  const version = await versionAt(file);
  const outcomes = [one.hash(file, version), one.hash(file, version)];
  await one.stop();
  for (const outcome of await Promise.all(outcomes)) expect(outcome.kind).toBe('failed');
});
