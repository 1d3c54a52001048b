// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { prepareFolder } from './prepare-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prepare-folder-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('makes one that takes files, and leaves none there', async () => {
  const path = join(folder, 'far/below');
  for (const _round of [1, 2]) await prepareFolder('--state', path);
  expect(await readdir(path)).toEqual([]);
});

it.each([
  ['/proc', 'no file can be made there'],
  ['/proc/none', 'no folder can be made in /proc'],
  ['/sys', 'no file can be made there'],
  ['/dev/null', 'EEXIST'],
  ['/dev/null/below', 'ENOTDIR'],
])('refuses %s: %s', async (path, message) => {
  const refused = prepareFolder('--state', path);
  await expect(refused).rejects.toThrow(ConfigurationError);
  await expect(refused).rejects.toThrow(`--state ${path} cannot be used: `);
  await expect(refused).rejects.toThrow(message);
});

it('refuses a file', async () => {
  await writeFile(join(folder, 'file'), 'kept');
  await expect(prepareFolder('--cache', join(folder, 'file'))).rejects.toThrow('--cache');
});
