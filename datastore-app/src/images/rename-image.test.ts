import * as fs from 'node:fs/promises';
import { link, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPlacer, type NamingCalls } from '../content/placer.ts';
import { renameImage } from './rename-image.ts';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'rename-')));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function write(path: string, text: string) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
const names = async () => (await readdir(root, { recursive: true })).sort();

const withoutLinks: NamingCalls = {
  ...fs,
  link: async () => {
    throw Object.assign(new Error('no links here'), { code: 'EPERM' });
  },
};

describe.each([
  ['with hard links', createPlacer()],
  ['without', createPlacer(withoutLinks)],
])('%s', (_title, placer) => {
  const rename = (path: string, to: string) =>
    renameImage({ root, placer, released: { find: () => undefined } }, path, to);

  it.each([
    ['a.img', 'b.img', ['b.img']],
    ['a/b/c.img', 'd/e.img', ['d', 'd/e.img']],
    ['a/b.img', 'a/c.img', ['a', 'a/c.img']],
    ['a.img', 'A.img', ['A.img']],
  ])('moves %s to %s, and the folders along', async (path, to, left) => {
    await write(path, 'one');
    expect(await rename(path, to)).toMatchObject({ path, to, version: { sizeBytes: 3 } });
    expect(await names()).toEqual(left);
    expect(await readFile(join(root, to), 'utf8')).toBe('one');
  });

  it('replaces nothing', async () => {
    await write('a.img', 'one');
    await write('b.img', 'two');
    await expect(rename('a.img', 'b.img')).rejects.toMatchObject({ code: 'IMAGE_EXISTS' });
    await expect(rename('a.img', 'a.img')).rejects.toMatchObject({ code: 'IMAGE_EXISTS' });
    await expect(rename('a.img', 'b.img/c.img')).rejects.toMatchObject({ code: 'PATH_TAKEN' });
    expect(await readFile(join(root, 'b.img'), 'utf8')).toBe('two');
    expect(await names()).toEqual(['a.img', 'b.img']);
  });

  it('is for images that are there', async () => {
    await symlink('nowhere', join(root, 'link.img'));
    expect(await rename('nothing.img', 'b.img')).toBeUndefined();
    expect(await rename('no/folder.img', 'b.img')).toBeUndefined();
    await expect(rename('link.img', 'b.img')).rejects.toMatchObject({ code: 'PATH_TAKEN' });
    expect(await names()).toEqual(['link.img']);
  });
});

it('completes what was cut off between the names', async () => {
  await write('a.img', 'one');
  await link(join(root, 'a.img'), join(root, 'b.img'));
  const place = { root, placer: createPlacer(), released: { find: () => undefined } };
  expect(await renameImage(place, 'a.img', 'b.img')).toMatchObject({ to: 'b.img' });
  expect(await names()).toEqual(['b.img']);
});
