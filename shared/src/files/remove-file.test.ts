// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeFile } from './remove-file.ts';

let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remove-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('removes a file, a link and not where it leads, and what is gone already', async () => {
  await writeFile(at('file'), 'x');
  await writeFile(at('there'), 'x');
  await symlink(at('there'), at('link'));
  for (const name of ['file', 'link', 'missing']) await removeFile(at(name));
  expect(await readdir(folder)).toEqual(['there']);
});

it.each([
  ['a folder', 'folder', /^(?:EISDIR|EPERM)$/],
  ['what is below a file', 'file/x', /^ENOTDIR$/],
])('fails with %s', async (_what, name, code) => {
  await mkdir(at('folder'));
  await writeFile(at('file'), 'x');
  await expect(removeFile(at(name))).rejects.toMatchObject({ code: expect.stringMatching(code) });
});
