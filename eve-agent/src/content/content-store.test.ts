import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ContentStore, createContentStore } from './content-store.ts';

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
    });
    expect((await readdir(join(folder, 'images'))).sort()).toEqual(['foreign', 'named']);
    for (const sha256 of [A, b, c]) await store.remove(sha256);
    expect(await readdir(join(folder, 'pending'))).toEqual([]);
    expect(await readFile(store.linkPath('named'), 'utf8')).toBe('a');
    await store.unlink('named');
    expect(store.freeBytes()).toBeGreaterThan(0);
  });
});

it('keeps folders that are there already', async () => {
  await mkdir(join(folder, 'verified'));
  await expect(createContentStore(folder, join(folder, 'images')).open()).resolves.toMatchObject({
    verified: [],
  });
});
