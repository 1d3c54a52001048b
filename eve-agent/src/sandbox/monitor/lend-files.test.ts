// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findLendingObstacle } from './lend-files.ts';

/** One whom nobody needs a right to give files to. */
const OWN = process.geteuid?.() ?? -1;
let above: string;
let folder: string;
beforeEach(async () => {
  above = await mkdtemp(join(tmpdir(), 'lend-files-'));
  folder = join(above, 'pending');
  await mkdir(folder);
  await chmod(above, 0o755);
  await chmod(folder, 0o755);
});
afterEach(() => rm(above, { recursive: true }));

it.each<[string, boolean, number, number, string | null]>([
  ['where others may enter it', false, 0o755, 0o755, null],
  ['where others may enter it, but not what is above', false, 0o700, 0o755, 'above'],
  ['where it is shown by itself', true, 0o700, 0o711, null],
  ['where others may not enter it', true, 0o755, 0o770, 'folder'],
])('%s', async (_, isShown, modeAbove, mode, closed) => {
  await chmod(folder, mode);
  await chmod(above, modeAbove);
  const named = closed === 'above' ? above : folder;
  const why = closed === null ? null : `other users may not enter ${named}`;
  expect(findLendingObstacle(folder, OWN, isShown)).toBe(why);
  expect(await readdir(folder)).toEqual([]);
});

it('is not where there is no folder', () => {
  expect(findLendingObstacle(join(folder, 'none'), OWN, true)).toMatch(/ENOENT/);
});
