// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openReloadedFiles, type ReloadedFiles } from './reloaded-files.ts';

let folder: string;
let certificate: string;
let key: string;
let unusable: unknown[];
let taken: string[];
let files: ReloadedFiles<string>;

/** As a certificate and its key: they must fit. */
async function read(): Promise<string> {
  const [a, b] = await Promise.all([readFile(certificate, 'utf8'), readFile(key, 'utf8')]);
  if (a !== b) throw new Error(`${a} is not ${b}`);
  return a;
}
const open = () =>
  openReloadedFiles([certificate, key], {
    read,
    onUnusable: (error) => unusable.push((error as Error).message),
  });
const look = () => files.look((content) => taken.push(content));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reloaded-'));
  certificate = join(folder, 'certificate');
  key = join(folder, 'key');
  await writeFile(certificate, 'one');
  await writeFile(key, 'one');
  unusable = [];
  taken = [];
  files = await open();
});
afterEach(() => rm(folder, { recursive: true }));

it('are read once, and not again while they are the same', async () => {
  expect(files.first).toBe('one');
  expect(await look()).toBe(false);
  expect(taken).toEqual([]);
});

it('cannot be opened while they cannot be used', async () => {
  await writeFile(key, 'two');
  await expect(open()).rejects.toThrow('one is not two');
  await rm(key);
  await expect(open()).rejects.toThrow('ENOENT');
});

it.each([
  [
    'in place',
    async () => {
      await writeFile(certificate, 'two');
      await writeFile(key, 'two');
    },
  ],
  [
    'by a rename',
    async () => {
      for (const file of [certificate, key]) {
        await writeFile(`${file}.new`, 'two');
        await rename(`${file}.new`, file);
      }
    },
  ],
  [
    'behind a symbolic link',
    async () => {
      for (const file of [certificate, key]) {
        await writeFile(`${file}.new`, 'two');
        await symlink(`${file}.new`, `${file}.link`);
        await rename(`${file}.link`, file);
      }
    },
  ],
])('are read again when they change %s', async (_title, change) => {
  await change();
  expect([await look(), await look()]).toEqual([true, false]);
  expect([taken, unusable]).toEqual([['two'], []]);
});

it('are doubted for one look when one of them is ahead of the other', async () => {
  await writeFile(certificate, 'two');
  await look();
  await writeFile(key, 'two');
  expect(await look()).toBe(true);
  expect([taken, unusable]).toEqual([['two'], []]);
});

it('stay what they were where they cannot be used, which is told once', async () => {
  await writeFile(certificate, 'two');
  for (let i = 0; i < 4; i++) expect(await look()).toBe(false);
  expect([taken, unusable]).toEqual([[], ['two is not one']]);
  await rm(key);
  for (let i = 0; i < 4; i++) await look();
  expect(unusable).toEqual(['two is not one', expect.stringContaining('ENOENT')]);
  await writeFile(key, 'two');
  expect(await look()).toBe(true);
  expect(taken).toEqual(['two']);
});

it('are not taken where what they say is refused', async () => {
  await writeFile(certificate, 'two');
  await writeFile(key, 'two');
  const refuse = () => {
    throw new Error('not this one');
  };
  for (let i = 0; i < 3; i++) expect(await files.look(refuse)).toBe(false);
  expect(unusable).toEqual(['not this one']);
});

it('are read again when they were only touched', async () => {
  await utimes(key, 1, 1);
  expect(await look()).toBe(true);
  expect(taken).toEqual(['one']);
});
