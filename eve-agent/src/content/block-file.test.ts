// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BlockFile, BY_ITS_OWNER, openBlockFile } from './block-file.ts';

let folder: string;
let path: string;
let opened: BlockFile[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'block-file-'));
  path = join(folder, 'file');
  opened = [];
});
afterEach(async () => {
  for (const file of opened) await file.close();
  await rm(folder, { recursive: true });
});

async function open(...args: Parameters<typeof openBlockFile>): Promise<BlockFile> {
  const file = await openBlockFile(...args);
  opened.push(file);
  return file;
}
const inode = async () => (await stat(path)).ino;

describe('a file that is emptied', () => {
  it('stays as it is where it was made just now', async () => {
    const file = await open(path);
    const before = await inode();
    await file.truncate();
    expect([await inode(), await file.isInPlace()]).toEqual([before, true]);
    await file.write(Buffer.from('content'), 0);
    expect(await readFile(path, 'utf8')).toBe('content');
  });

  it.each<[string, (file: BlockFile) => Promise<unknown>]>([
    ['was written to', (file) => file.write(Buffer.from('old'), 0)],
    // By whoever it was lent to: that is not seen here.
    ['was emptied before', (file) => file.truncate().then(() => writeFile(path, 'old', { flag: 'r+' }))],
    ['is gone', () => rm(path)],
    ['is another one’s by now', () => rm(path).then(() => writeFile(path, 'foreign'))],
  ])('is another one where it %s', async (_what, change) => {
    const file = await open(path);
    await change(file);
    const old = await open(path);
    await file.truncate();
    expect([await file.isInPlace(), await old.isInPlace()]).toEqual([true, false]);
    await file.write(Buffer.from('new'), 0);
    expect(await readFile(path, 'utf8')).toBe('new');
  });

  it.each(['', 'of an earlier run'])('is another one where it was there, with "%s"', async (content) => {
    await writeFile(path, content);
    const foreign = await open(path);
    const file = await open(path);
    await file.truncate();
    await file.write(Buffer.from('new'), 0);
    expect([await readFile(path, 'utf8'), await foreign.isInPlace()]).toEqual(['new', false]);
  });

  it('is what its owner has put there, where it is lent', async () => {
    await writeFile(path, 'old');
    const lent = await open(path, BY_ITS_OWNER);
    await rm(path);
    await writeFile(path, '');
    await lent.truncate();
    await lent.write(Buffer.from('new'), 0);
    expect(await readFile(path, 'utf8')).toBe('new');
  });
});

it('is nowhere a link leads to', async () => {
  await symlink(join(folder, 'elsewhere'), path);
  await expect(open(path)).rejects.toMatchObject({ code: 'ELOOP' });
  await expect(open(path, BY_ITS_OWNER)).rejects.toMatchObject({ code: 'ELOOP' });
});
