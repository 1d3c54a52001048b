// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDurably, syncDirectory, writeDurably, writeSynced } from './durable-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durable-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('replaces the whole content, and leaves nothing else', async () => {
  const file = join(folder, 'state.json');
  await writeDurably(file, 'a longer first content');
  await writeDurably(file, 'second');
  expect(await readFile(file, 'utf8')).toBe('second');
  expect(await readdir(folder)).toEqual(['state.json']);
});

test('takes over what a killed process left', async () => {
  const file = join(folder, 'state.json');
  await writeFile(`${file}.new`, 'half of');
  await writeDurably(file, 'whole');
  expect(await readdir(folder)).toEqual(['state.json']);
});

test('what cannot be replaced stays, and the new content goes', async () => {
  const place = join(folder, 'a-folder');
  await mkdir(place);
  await expect(writeDurably(place, 'content')).rejects.toMatchObject({ code: 'EISDIR' });
  expect(await readdir(folder)).toEqual(['a-folder']);
});

test('a new file takes the place of none, nor goes through a link', async () => {
  const [file, link] = [join(folder, 'secret'), join(folder, 'link')];
  await writeSynced(file, 'first', { mode: 0o600 });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await symlink(join(folder, 'elsewhere'), link);
  for (const taken of [file, link]) {
    await expect(writeSynced(taken, 'second', { mode: 0o600 })).rejects.toMatchObject({ code: 'EEXIST' });
  }
  expect(await readFile(file, 'utf8')).toBe('first');
  expect(await readdir(folder)).toEqual(['link', 'secret']);
});

test('a secret is replaced by one that others cannot read either', async () => {
  const file = join(folder, 'secrets.json');
  await writeDurably(file, 'first', { mode: 0o600 });
  await writeDurably(file, 'second', { mode: 0o600 });
  expect([await readFile(file, 'utf8'), (await stat(file)).mode & 0o777]).toEqual(['second', 0o600]);
});

test('who is first makes a file, and those beside keep it', async () => {
  const file = join(folder, 'key');
  await Promise.all(['one', 'two', 'three'].map((content) => createDurably(file, content, { mode: 0o600 })));
  expect(['one', 'two', 'three']).toContain(await readFile(file, 'utf8'));
  expect([(await stat(file)).mode & 0o777, await readdir(folder)]).toEqual([0o600, ['key']]);
});

test('a directory that is not there cannot be synced', async () => {
  await syncDirectory(folder);
  await expect(syncDirectory(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ENOENT' });
});
