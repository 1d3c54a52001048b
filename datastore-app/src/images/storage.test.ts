import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addImage, prepareStorage } from './storage.ts';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'storage-')));
});
afterEach(() => rm(folder, { recursive: true }));

describe('prepareStorage', () => {
  it('makes both directories, with their parents', async () => {
    const wanted = { root: join(folder, 'a/b/root'), state: join(folder, 'c/state') };
    expect(await prepareStorage(wanted)).toEqual(wanted);
    expect(await prepareStorage(wanted)).toEqual(wanted);
  });

  it.each(['root/state', 'root'])('refuses a state directory that would be served: %s', async (state) => {
    const wanted = { root: join(folder, 'root'), state: join(folder, state) };
    await expect(prepareStorage(wanted)).rejects.toThrow('it would be served');
  });

  it('refuses a place below a dangling link, a place that cannot be made, and a file', async () => {
    await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
    await writeFile(join(folder, 'file'), '');
    for (const root of [join(folder, 'dangling/images'), '/proc/none', join(folder, 'file')]) {
      await expect(prepareStorage({ root, state: join(folder, 'state') })).rejects.toThrow('--root');
    }
  });
});

describe('addImage', () => {
  it('copies a file into the root, whole', async () => {
    await mkdir(join(folder, 'root'));
    await writeFile(join(folder, 'disk.img'), 'content');
    expect(await addImage(join(folder, 'root'), join(folder, 'disk.img'))).toBe('disk.img');
    expect(await readdir(join(folder, 'root'))).toEqual(['disk.img']);
    expect(await readFile(join(folder, 'root/disk.img'), 'utf8')).toBe('content');
  });

  it.each(['.hidden', 'lost+found'])('refuses a name that would not be served: %s', async (name) => {
    await expect(addImage(folder, join(folder, name))).rejects.toThrow('would not be served');
  });

  it('refuses what is no regular file, and leaves nothing behind', async () => {
    await mkdir(join(folder, 'root'));
    await expect(addImage(join(folder, 'root'), join(folder, 'root'))).rejects.toThrow('no regular file');
    expect(await readdir(join(folder, 'root'))).toEqual([]);
  });
});
