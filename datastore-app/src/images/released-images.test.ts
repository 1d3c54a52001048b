// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHasher } from '../content/hasher.ts';
import { createSpace } from '../content/space.ts';
import { createImageStore, type ImageStore } from './image-store.ts';
import { createReleasedImages } from './released-images.ts';

const SHA256 = 'ab'.repeat(32);
const AT = '2026-01-01T00:00:00.000Z';
const ROOM = createSpace(
  { freeBytes: async () => 2 ** 40, usedBytes: () => 0 },
  { reserveBytes: 0, quotaBytes: undefined },
);
let root: string;
let store: ImageStore;
const hasher = createHasher();

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'released-')));
  store = createImageStore({ space: ROOM, hash: hasher.hash }, { root, owner: 'test' });
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function* bytes(text: string) {
  yield Buffer.from(text);
}
const stage = (text: string, path: string) => store.stage(bytes(text), { path });
async function put(path: string, text: string, replace = true) {
  return store.publish(await stage(text, path), path, { replace });
}
async function release(path: string) {
  const { sha256 } = await put(path, 'one');
  expect(await store.release(path, sha256)).toBe(true);
}
const contentOf = (path: string) => readFile(join(root, path), 'utf8');

describe('a released image', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['put', () => put('a/b.img', 'two')],
    ['put again', () => put('a/b.img', 'one')],
    ['put by way of a link', () => put('link/b.img', 'two')],
    ['announced, as an upload is', () => store.requirePlaceable('a/b.img', { replace: true })],
    [
      'put with others',
      async () =>
        store.publishTogether(
          [
            { path: 'c.img', staged: await stage('c', 'c.img') },
            { path: 'a/b.img', staged: await stage('two', 'a/b.img') },
          ],
          { replace: true },
        ),
    ],
    ['renamed', () => store.rename('a/b.img', 'd.img')],
    ['removed', () => store.remove('a/b.img')],
    ['removed by way of a link', () => store.remove('link/b.img')],
  ])('is not %s', async (_title, change) => {
    await release('a/b.img');
    await symlink('a', join(root, 'link'));
    await expect(change()).rejects.toMatchObject({ code: 'IMAGE_RELEASED' });
    expect(await contentOf('a/b.img')).toBe('one');
    expect((await readdir(root)).filter((name) => !name.startsWith('.')).sort()).toEqual(['a', 'link']);
  });

  it('stays so for another process, and after a restart', async () => {
    await release('a.img');
    const other = createImageStore({ space: ROOM, hash: hasher.hash }, { root, owner: 'other' });
    await expect(other.remove('a.img')).rejects.toMatchObject({ code: 'IMAGE_RELEASED' });
    expect(await other.release('a.img', undefined)).toBe(true);
    expect(await store.remove('a.img')).toBe(true);
  });

  it('is let go, also where it is gone', async () => {
    await release('a.img');
    await rm(join(root, 'a.img'));
    expect(await store.release('a.img', undefined)).toBe(true);
    expect(await store.release('a.img', undefined)).toBe(false);
    await put('a.img', 'two');
    expect(await contentOf('a.img')).toBe('two');
  });

  it('comes back where it is gone, by its own content alone', async () => {
    await release('a.img');
    await rm(join(root, 'a.img'));
    await expect(put('a.img', 'two')).rejects.toMatchObject({ code: 'IMAGE_RELEASED' });
    await put('b.img', 'three');
    await expect(store.rename('b.img', 'a.img')).rejects.toMatchObject({ code: 'IMAGE_RELEASED' });
    await put('a.img', 'one');
    expect(await contentOf('a.img')).toBe('one');
  });

  it('is marked where its file stands, whatever link leads there', async () => {
    await put('a/b.img', 'one');
    await symlink('a', join(root, 'link'));
    await store.release('link/b.img', SHA256);
    expect([...store.released.list().keys()]).toEqual(['a/b.img']);
  });

  it('can lose a link to it', async () => {
    await release('a.img');
    await symlink('a.img', join(root, 'link.img'));
    expect(await store.remove('link.img')).toBe(true);
  });
});

it.each(['nothing.img', '.hidden', 'folder'])('has no mark for %s, which is no image', async (path) => {
  await mkdir(join(root, 'folder'));
  expect(await store.release(path, SHA256)).toBe(false);
});

it('reads what can be understood, and lets nothing change where nothing can', async () => {
  const released = createReleasedImages(root);
  const good = { path: '__proto__', sha256: SHA256, at: AT };
  const images = [good, { path: '../x', sha256: SHA256, at: AT }, { path: 'a', sha256: 'x', at: AT }, 7];
  await writeFile(join(root, '.released.json'), JSON.stringify({ version: 1, images }));
  expect([...released.list()]).toEqual([['__proto__', { sha256: SHA256, at: AT }]]);
  await writeFile(join(root, '.released.json'), 'garbage');
  expect([...released.list()]).toEqual([]);
  await expect(put('a.img', 'one')).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
  await expect(store.release('a.img', undefined)).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
});

it('loses no mark of many that come at once', async () => {
  const [one, other] = [createReleasedImages(root), createReleasedImages(root)];
  const paths = Array.from({ length: 20 }, (_, index) => `${index}.img`);
  await Promise.all(
    paths.map((path, index) => (index % 2 === 0 ? one : other).set(path, { sha256: SHA256, at: AT })),
  );
  expect([...one.list().keys()].sort()).toEqual(paths.sort());
  expect(other.revision()).toBe(one.revision());
});
