// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder, makeFolderSync } from './make-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'make-folder-'));
  await writeFile(join(folder, 'file'), '');
  await symlink('nowhere', join(folder, 'dangling'));
  await symlink('.', join(folder, 'link'));
});
afterEach(() => rm(folder, { recursive: true }));

describe.each([
  ['makeFolder', makeFolder],
  ['makeFolderSync', async (path: string) => makeFolderSync(path)],
])('%s', (_name, make) => {
  it.each(['a', 'b/c/d', '.', 'link/e', 'b/c/d'])('makes %s, and is content with it', async (path) => {
    for (const _round of [1, 2]) {
      await make(join(folder, path));
      expect((await stat(join(folder, path))).isDirectory()).toBe(true);
    }
  });

  it.each([
    ['file', 'EEXIST'],
    ['file/below', 'ENOTDIR'],
    ['file/far/below', 'ENOTDIR'],
    ['dangling', 'ENOENT'],
    ['dangling/below', 'ENOENT'],
    ['dangling/far/below', 'ENOENT'],
  ])('refuses %s with %s', async (path, code) => {
    await expect(make(join(folder, path))).rejects.toMatchObject({ code });
  });

  it.each(['/proc/none', '/proc/none/far/below'])('ends for %s, and says which takes none', async (path) => {
    await expect(make(path)).rejects.toMatchObject({
      ...{ code: 'ENOENT', syscall: 'mkdir' },
      message: expect.stringContaining('no folder can be made in /proc ('),
    });
  });
});

it('makes those of one’s own for nobody else', async () => {
  await makeFolder(join(folder, 'own'), 0o700);
  expect((await stat(join(folder, 'own'))).mode & 0o777).toBe(0o700);
});
