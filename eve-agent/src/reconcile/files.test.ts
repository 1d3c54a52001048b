import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type ContentStore, createContentStore } from '../content/content-store.ts';
import { hashFile } from '../content/hash-file.ts';
import { createJsonFile } from '../content/json-file.ts';
import { createStatusFiles } from './status-files.ts';
import { sha256Of } from './test-fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reconcile-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});
const A = sha256Of('a');

/** A log, and the fields and text of each line of it. */
function keepLog() {
  const lines: unknown[][] = [];
  const keep = (...line: unknown[]) => void lines.push(line);
  return { log: { ...silentLog, warn: keep, error: keep }, lines };
}

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

  it('hashes a file, and can be stopped', async () => {
    await writeFile(store.pendingPath(A), 'a');
    const signal = new AbortController().signal;
    expect(await hashFile(store.pendingPath(A), 1e9, signal)).toEqual({ sha256: A, sizeBytes: 1 });
    await expect(hashFile(store.pendingPath(A), 1e9, AbortSignal.abort())).rejects.toThrow();
  });
});

describe('status files', () => {
  it('are written later where the disk does not take them', async () => {
    const files = createStatusFiles(folder);
    expect(files.write('a', { State: 'INITIAL' })).toBe(true);
    // In the way of the next document.
    await mkdir(join(folder, '.a.new'));
    expect(files.write('a', { State: 'VERIFIED' })).toBe(true);
    expect(files.write('a', { State: 'VERIFIED' })).toBe(false);
    expect(files.flush()).toMatchObject({ code: 'EISDIR' });
    await rm(join(folder, '.a.new'), { recursive: true });
    expect(files.flush()).toBeNull();
    expect(JSON.parse(await readFile(join(folder, 'a.json'), 'utf8'))).toEqual({ State: 'VERIFIED' });
  });

  it('come back where their folder was removed, and share it with other folders', async () => {
    const place = join(folder, 'status');
    const files = createStatusFiles(place);
    files.write('a', {});
    await rm(place, { recursive: true });
    files.keepOnly(new Set(['a', 'b']));
    files.write('b', {});
    expect(files.flush()).toBeNull();
    expect(await readdir(place)).toEqual(['a.json', 'b.json']);
    await mkdir(join(place, 'lost+found'));
    files.keepOnly(new Set());
    expect(await readdir(place)).toEqual(['lost+found']);
  });

  it('are left as they are where an earlier run wrote the same', async () => {
    createStatusFiles(folder).write('a', { x: 1 });
    const { ino } = await stat(join(folder, 'a.json'));
    const files = createStatusFiles(folder);
    expect(files.write('a', { x: 1 })).toBe(true);
    expect((await stat(join(folder, 'a.json'))).ino).toBe(ino);
    files.write('a', { x: 2 });
    expect(JSON.parse(await readFile(join(folder, 'a.json'), 'utf8'))).toEqual({ x: 2 });
  });

  it('are written when they differ, and go with their key', async () => {
    await writeFile(join(folder, 'old.json'), '{}');
    const files = createStatusFiles(folder);
    expect([files.write('a', { x: 1 }), files.write('a', { x: 1 }), files.write('a', { x: 2 })]).toEqual([
      true,
      false,
      true,
    ]);
    files.write('b', {});
    files.keepOnly(new Set(['a']));
    expect(await readdir(folder)).toEqual(['a.json']);
    expect(JSON.parse(await readFile(join(folder, 'a.json'), 'utf8'))).toEqual({ x: 2 });
    files.remove('a');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a JSON file', () => {
  it('gives back what was written, and null for what it cannot read', async () => {
    const path = join(folder, 'deep', 'x.json');
    const { log, lines } = keepLog();
    const file = createJsonFile(path, z.object({ n: z.number() }), log, 0o600);
    expect(file.read()).toBeNull();
    expect(lines).toEqual([]);
    file.write({ n: 1 });
    expect([file.read(), (await stat(path)).mode & 0o777]).toEqual([{ n: 1 }, 0o600]);
    for (const [text, reason] of [
      ['{"password":"hunter2', 'it is not JSON'],
      ['{"n":"hunter2"}', 'it is not of the form that is written there'],
    ] as const) {
      await writeFile(path, text);
      expect(file.read()).toBeNull();
      expect(lines.pop()).toMatchObject([{ file: path, reason }, expect.stringContaining('left out')]);
    }
  });
});

it('keeps folders that are there already', async () => {
  await mkdir(join(folder, 'verified'));
  await expect(createContentStore(folder, join(folder, 'images')).open()).resolves.toMatchObject({
    verified: [],
  });
});
