// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ContentStore, createContentStore } from './content-store.ts';
import { imageFolder } from './image-folders.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'content-store-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});
const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');
const A = sha256Of('a');

describe('the content store', () => {
  let store: ContentStore;
  beforeEach(async () => {
    store = createContentStore(folder, join(folder, 'images'));
    await store.open();
  });

  it('moves a file from pending to verified, read-only, and names it by hard links', async () => {
    await writeFile(store.pendingPath(A), 'a');
    expect(await store.promote(A)).toEqual({ sizeBytes: 1 });
    await Promise.all(['one', 'two'].map((name) => store.link(name, A)));
    const facts = await stat(store.verifiedPath(A));
    expect([facts.mode & 0o777, facts.nlink]).toEqual([0o444, 3]);
    expect((await readdir(join(folder, 'images'))).sort()).toEqual(['one', 'two']);
    expect(await readdir(join(folder, 'pending'))).toEqual([]);
    await store.link('one', A);
    expect((await stat(store.linkPath('one'))).ino).toBe(facts.ino);
    expect((await readdir(join(folder, 'images'))).length).toBe(2);
  });

  it('says what an earlier run left, and removes what it did not finish', async () => {
    const [b, c] = [sha256Of('b'), sha256Of('c')];
    await writeFile(store.verifiedPath(A), 'a');
    await store.link('named', A);
    await writeFile(store.pendingPath(b), 'bb');
    await writeFile(join(folder, 'pending', `.${c}.partial`), 'ccc');
    await writeFile(join(folder, 'images', `.${A}.link`), '');
    await writeFile(join(folder, 'images', 'foreign'), 'x'.repeat(50));
    await writeFile(join(folder, 'verified', 'junk'), '');
    expect(await store.open()).toEqual({
      verified: [{ sha256: A, sizeBytes: 1 }],
      whole: [{ sha256: b, sizeBytes: 2 }],
      partial: [{ sha256: c, sizeBytes: 3 }],
      links: new Map([['named', A]]),
      imageFolders: new Map(),
    });
    expect((await readdir(join(folder, 'images'))).sort()).toEqual(['foreign', 'named']);
    for (const sha256 of [A, b, c]) await store.remove(sha256);
    expect(await readdir(join(folder, 'pending'))).toEqual([]);
    expect(await readFile(store.linkPath('named'), 'utf8')).toBe('a');
    await store.unlink('named');
    expect(store.freeBytes()).toBeGreaterThan(0);
  });

  describe('makes folders of images', () => {
    const b = sha256Of('b');
    const image = imageFolder('{"one":1}', [A, b]);
    const place = () => store.linkPath('image');
    beforeEach(async () => {
      await writeFile(store.verifiedPath(A), 'a');
      await writeFile(store.verifiedPath(b), 'b');
    });

    it('of the very files, finds them again, and takes them away', async () => {
      await store.linkImage('image', image);
      expect((await readdir(place())).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
      expect(await readFile(join(place(), 'index.json'), 'utf8')).toBe('{"one":1}');
      const files = store.filesOf('image', image);
      for (const { path, sha256 } of files) expect(sha256Of(await readFile(path, 'utf8'))).toBe(sha256);
      expect(await Promise.all(files.map(store.isHardLink))).toEqual([false, false, true, true]);
      await mkdir(store.linkPath(`.${A}.link`));
      await mkdir(store.linkPath(`.${A}.old`));
      expect(await store.open()).toMatchObject({ imageFolders: new Map([['image', image.mark]]) });
      expect(await store.whatStandsAt('image')).toEqual({ mark: image.mark });
      await store.unlink('image');
      expect(await readdir(join(folder, 'images'))).toEqual([]);
    });

    it('in the place of another image or file, and files in their place', async () => {
      const other = imageFolder('{"two":2}', [b]);
      await store.link('image', A);
      for (const each of [image, other, image]) {
        await store.linkImage('image', each);
        expect(await store.whatStandsAt('image')).toEqual({ mark: each.mark });
      }
      await store.link('image', b);
      expect(await readFile(place(), 'utf8')).toBe('b');
      expect(await readdir(join(folder, 'images'))).toEqual(['image']);
    });

    it.each([
      ['a folder', 'x'],
      ['a layout with more in it', 'oci-layout'],
    ])('never in the place of %s of somebody else', async (_what, name) => {
      await mkdir(place());
      await writeFile(join(place(), name), 'theirs');
      await writeFile(join(place(), 'more'), 'theirs');
      await expect(store.linkImage('image', image)).rejects.toThrow('ENOTEMPTY');
      await store.unlink('image').catch(() => {});
      expect((await readdir(place())).sort()).toEqual([name, 'more'].sort());
    });
  });
});

it('keeps folders that are there already', async () => {
  await mkdir(join(folder, 'verified'));
  await expect(createContentStore(folder, join(folder, 'images')).open()).resolves.toMatchObject({
    verified: [],
  });
});
