// SPDX-License-Identifier: Apache-2.0
import { appendFile, cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { FileVersion } from '../content/file-version.ts';
import { loadImageIndex } from './image-index.ts';

const VERSION: FileVersion = {
  ...{ sizeBytes: 5, mtimeNs: 1_770_091_506_123_456_789n, ctimeNs: 1_770_091_507_987_654_321n },
  ...{ inode: 2n ** 63n, device: 0xfe00n },
};
const SHA256 = 'ab'.repeat(32);
const warnings: string[] = [];
const log = { ...silentLog, warn: (_fields: object, message: string) => warnings.push(message) };

let stateDirectory: string;

beforeEach(async () => {
  warnings.length = 0;
  stateDirectory = await mkdtemp(join(tmpdir(), 'image-index-'));
});

afterEach(() => rm(stateDirectory, { recursive: true }));

const load = (isReadOnly = false, areInodesPermanent = true) =>
  loadImageIndex({ log }, { stateDirectory, isReadOnly, areInodesPermanent });

async function onlyFile(): Promise<string> {
  const [name = ''] = await readdir(stateDirectory);
  return join(stateDirectory, name);
}

it('remembers a digest to the nanosecond, for exactly that version at that path', async () => {
  const index = await load();
  index.set('a.img', VERSION, SHA256);
  await index.save();
  const again = await load();
  expect(again.digestOf('a.img', VERSION)).toBe(SHA256);
  expect(again.digestOf('b.img', VERSION)).toBeUndefined();
  expect(again.digestOf('a.img', { ...VERSION, sizeBytes: 6 })).toBeUndefined();
  expect(again.digestOf('a.img', { ...VERSION, mtimeNs: VERSION.mtimeNs + 1n })).toBeUndefined();
  expect(again.digestOf('a.img', { ...VERSION, ctimeNs: VERSION.ctimeNs + 1n })).toBeUndefined();
  expect(again.digestOf('a.img', { ...VERSION, inode: 1n })).toBeUndefined();
  expect(warnings).toEqual([]);
});

it('knows an image again whose file system numbers files anew, but once only', async () => {
  const index = await load();
  index.set('a.img', VERSION, SHA256, '2026-01-01T00:00:00.000Z');
  index.set('b.img', VERSION, SHA256);
  await index.save();
  const again = await load(false, false);
  const renumbered = { ...VERSION, inode: 7n, ctimeNs: VERSION.mtimeNs };
  expect(again.digestOf('a.img', { ...renumbered, sizeBytes: 6 })).toBeUndefined();
  expect(again.digestOf('a.img', { ...renumbered, mtimeNs: VERSION.mtimeNs + 2n })).toBeUndefined();
  expect(again.digestOf('a.img', renumbered)).toBe(SHA256);
  expect(again.verifiedOf('a.img', renumbered)?.verified).toBe('2026-01-01T00:00:00.000Z');
  // From now on another inode is another file, though it has the same time: times are coarse there.
  expect(again.digestOf('a.img', { ...renumbered, inode: 8n })).toBeUndefined();
  again.set('b.img', renumbered, SHA256);
  expect(again.digestOf('b.img', VERSION)).toBeUndefined();
});

it('knows an image again after a mount that gave its file system another number', async () => {
  const index = await load();
  index.set('a.img', VERSION, SHA256);
  await index.save();
  expect((await load()).digestOf('a.img', { ...VERSION, device: 7n })).toBe(SHA256);
});

const DAY_MS = 86_400_000;

it.each([
  ['is taken away for a while', 29, SHA256],
  ['is gone for long', 31, undefined],
])('remembers the image of a volume that %s', async (_what, days, expected) => {
  const index = await load();
  index.set('a.img', VERSION, SHA256);
  index.set('b.img', VERSION, SHA256);
  index.noteSeen(new Set(['b.img']), 0);
  await index.save();
  const again = await load();
  again.noteSeen(new Set(['b.img']), days * DAY_MS);
  expect(again.digestOf('a.img', VERSION)).toBe(expected);
  expect(again.digestOf('b.img', VERSION)).toBe(SHA256);
  // It was back meanwhile: its absence begins anew.
  again.noteSeen(new Set(['a.img', 'b.img']), days * DAY_MS);
  again.noteSeen(new Set(['b.img']), 40 * DAY_MS);
  expect(again.digestOf('a.img', VERSION)).toBe(expected);
});

it('remembers a limited number of images that are gone, and all that are there', async () => {
  const index = await load();
  const paths = Array.from({ length: 10_002 }, (_, number) => `${number}.img`);
  for (const path of paths) index.set(path, VERSION, SHA256);
  index.noteSeen(new Set(['10001.img']), 0);
  expect(index.digestOf('9999.img', VERSION)).toBe(SHA256);
  expect(index.digestOf('10000.img', VERSION)).toBeUndefined();
  expect(index.digestOf('10001.img', VERSION)).toBe(SHA256);
});

it('knows images again whose file system is mounted anew, and numbers files anew', async () => {
  const index = await load(false, false);
  index.set('a.img', VERSION, SHA256);
  const renumbered = { ...VERSION, inode: 7n, device: 9n };
  index.noteMount(true);
  expect(index.digestOf('a.img', renumbered)).toBeUndefined();
  index.noteMount(false);
  expect(index.digestOf('a.img', renumbered)).toBe(SHA256);
  expect(index.digestOf('a.img', { ...renumbered, inode: 8n })).toBeUndefined();
});

it.each(['', '{', '[]', '{"version":2,"images":{}}', '{"version":1,"images":{"a":{"sha256":"x"}}}'])(
  'sets an index aside that is not sound, says so, and begins anew: %s',
  async (content) => {
    const index = await load();
    await index.save();
    const file = await onlyFile();
    await writeFile(file, content);
    expect((await load()).digestOf('a.img', VERSION)).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(await readFile(`${file}.unreadable`, 'utf8')).toBe(content);
    await (await load()).save();
    await load();
    expect(warnings).toHaveLength(1);
  },
);

it('leaves an index that is not sound where it is when it only reads', async () => {
  await (await load()).save();
  const file = await onlyFile();
  await writeFile(file, '{');
  await load(true);
  expect(await readFile(file, 'utf8')).toBe('{');
});

it('remembers when a file was read again and what of it, for exactly that version', async () => {
  const index = await load();
  const verified = '2026-02-03T04:05:06.000Z';
  index.set('a.img', VERSION, SHA256);
  expect(index.verifiedOf('a.img', VERSION)).not.toHaveProperty('isCorrupt', true);
  index.setVerified('a.img', VERSION, { verified, isCorrupt: true });
  index.setVerified('b.img', VERSION, { verified, isCorrupt: true });
  await index.save();
  const again = await load();
  expect(again.verifiedOf('a.img', VERSION)).toMatchObject({ verified, isCorrupt: true });
  expect(again.verifiedOf('a.img', { ...VERSION, inode: 1n })).toBeUndefined();
  expect(again.verifiedOf('b.img', VERSION)).toBeUndefined();
  again.set('a.img', VERSION, SHA256, verified);
  expect(again.verifiedOf('a.img', VERSION)?.isCorrupt).toBeUndefined();
});

it('reads an index of before images were read again', async () => {
  await (await load()).save();
  const { sizeBytes, mtimeNs, ctimeNs, inode } = VERSION;
  const times = { mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
  const images = { 'a.img': { sizeBytes, ...times, inode: String(inode), sha256: SHA256 } };
  await writeFile(await onlyFile(), JSON.stringify({ version: 1, images }));
  const index = await load();
  expect(index.digestOf('a.img', VERSION)).toBe(SHA256);
  expect(index.verifiedOf('a.img', VERSION)?.verified).toBeUndefined();
});

it('reads an index of before the change time counted, and has those images hashed again', async () => {
  await (await load()).save();
  const { sizeBytes, mtimeNs, inode } = VERSION;
  const old = { sizeBytes, mtimeNs: String(mtimeNs), inode: String(inode), sha256: SHA256 };
  await writeFile(await onlyFile(), JSON.stringify({ version: 1, images: { 'a.img': old } }));
  for (const areInodesPermanent of [true, false]) {
    const index = await load(false, areInodesPermanent);
    expect(index.digestOf('a.img', VERSION)).toBeUndefined();
    index.set('a.img', VERSION, SHA256);
    expect(index.digestOf('a.img', VERSION)).toBe(SHA256);
  }
  expect(warnings).toEqual([]);
});

it('can be saved by many at once, and then holds what all of them know', async () => {
  const index = await load();
  const paths = Array.from({ length: 20 }, (_, number) => `${'a'.repeat(200 - number * 10)}${number}.img`);
  await Promise.all(
    paths.map((path) => {
      index.set(path, VERSION, SHA256);
      return index.save();
    }),
  );
  expect(await readdir(stateDirectory)).toEqual(['image-index.json']);
  const again = await load();
  expect(paths.filter((path) => again.digestOf(path, VERSION) !== SHA256)).toEqual([]);
  expect(warnings).toEqual([]);
});

const JOURNAL = 'image-index.journal';
const journalFile = () => join(stateDirectory, JOURNAL);
const indexText = () => readFile(join(stateDirectory, 'image-index.json'), 'utf8');

/** An index that is written, and one change behind it in the journal. */
async function indexWithJournal() {
  const index = await load();
  index.set('a.img', VERSION, SHA256);
  await index.save();
  const written = await indexText();
  index.set('b.img', VERSION, SHA256);
  await index.save();
  expect(await indexText()).toBe(written);
  return index;
}

it('appends what changed to the journal, whatever the size of the index', async () => {
  const index = await indexWithJournal();
  const { size } = await stat(journalFile());
  index.setVerified('b.img', VERSION, { verified: '2026-02-03T04:05:06.000Z', isCorrupt: true });
  await index.save();
  // Nothing changed since: nothing is written.
  const after = await stat(journalFile());
  await index.save();
  expect((await stat(journalFile())).mtimeMs).toBe(after.mtimeMs);
  expect(after.size).toBeGreaterThan(size);
  for (const isReadOnly of [false, true]) {
    const again = await load(isReadOnly);
    expect(again.digestOf('a.img', VERSION)).toBe(SHA256);
    expect(again.verifiedOf('b.img', VERSION)?.isCorrupt).toBe(true);
  }
});

it('knows all records before the one that a power cut tore, and goes on', async () => {
  const index = await indexWithJournal();
  const whole = (await stat(journalFile())).size;
  index.set('c.img', VERSION, SHA256);
  await index.save();
  const end = (await stat(journalFile())).size;
  const kept = join(stateDirectory, 'kept');
  await cp(journalFile(), kept);
  for (const length of [whole, whole + 1, whole + 8, whole + 9, whole + 100, end - 2, end - 1]) {
    await cp(kept, journalFile());
    await truncate(journalFile(), length);
    const torn = await load(true);
    expect(torn.digestOf('b.img', VERSION)).toBe(SHA256);
    expect(torn.digestOf('c.img', VERSION)).toBeUndefined();
  }
  const after = await load();
  after.set('d.img', VERSION, SHA256);
  await after.save();
  const again = await load();
  const known = ['a', 'b', 'c', 'd'].filter((name) => again.digestOf(`${name}.img`, VERSION) === SHA256);
  expect(known).toEqual(['a', 'b', 'd']);
  expect(warnings).toEqual([]);
});

it.each([
  ['blocks that were never written', '\0'.repeat(200)],
  ['a line of another sum', '00000000 ["c.img",{}]\n'],
])('takes %s for the end of the journal', async (_what, tail) => {
  await indexWithJournal();
  await appendFile(journalFile(), tail);
  const index = await load();
  expect(index.digestOf('b.img', VERSION)).toBe(SHA256);
  index.set('c.img', VERSION, SHA256);
  await index.save();
  expect((await load()).digestOf('c.img', VERSION)).toBe(SHA256);
});

it('writes all anew when the journal has grown as long as the index', async () => {
  const index = await load();
  for (let number = 0; number < 1000; number += 1) index.set(`${number}.img`, VERSION, SHA256);
  await index.save();
  const first = await indexText();
  let added = 0;
  while ((await indexText()) === first) {
    for (const last = added + 20; added < last; added += 1) index.set(`new-${added}.img`, VERSION, SHA256);
    await index.save();
  }
  // About as many as it held, as all have the same length.
  expect(added).toBeGreaterThan(800);
  expect(added).toBeLessThan(1200);
  expect(await readdir(stateDirectory)).toEqual(['image-index.json']);
  const again = await load();
  expect(again.digestOf(`new-${added - 1}.img`, VERSION)).toBe(SHA256);
  expect(again.digestOf('999.img', VERSION)).toBe(SHA256);
});

it('stands in one file when it is closed, and is not written where nothing changed', async () => {
  const index = await indexWithJournal();
  await index.close();
  expect(await readdir(stateDirectory)).toEqual(['image-index.json']);
  const { mtimeMs } = await stat(await onlyFile());
  await (await load()).close();
  expect((await stat(await onlyFile())).mtimeMs).toBe(mtimeMs);
  expect((await load()).digestOf('b.img', VERSION)).toBe(SHA256);
});

it('does not take over the journal of another state of the index', async () => {
  const index = await indexWithJournal();
  const stale = await readFile(journalFile());
  await rm(journalFile());
  // Where the journal is gone, all is written.
  index.set('c.img', VERSION, 'cd'.repeat(32));
  await index.save();
  await writeFile(journalFile(), stale);
  const again = await load();
  expect(again.digestOf('c.img', VERSION)).toBe('cd'.repeat(32));
  again.set('b.img', VERSION, 'ef'.repeat(32));
  await again.save();
  expect((await load()).digestOf('b.img', VERSION)).toBe('ef'.repeat(32));
});

it('appends to no index of before the journal, but writes it anew', async () => {
  await (await load()).save();
  await writeFile(await onlyFile(), JSON.stringify({ version: 1, images: {} }));
  const index = await load();
  expect(index.isRewriteDue()).toBe(true);
  index.set('a.img', VERSION, SHA256);
  await index.save();
  expect(index.isRewriteDue()).toBe(false);
  expect((await load()).digestOf('a.img', VERSION)).toBe(SHA256);
});

const DESCRIPTION = { format: 'qcow2', content: 'qcow2', virtualSizeBytes: 7, problems: [] } as const;

it('remembers what an image is, for exactly that version', async () => {
  const index = await load();
  index.describe('a.img', VERSION, DESCRIPTION);
  expect(index.descriptionOf('a.img', VERSION)).toBeUndefined();
  for (const path of ['a.img', 'b.img']) {
    index.set(path, VERSION, SHA256);
    index.describe(path, VERSION, { ...DESCRIPTION });
  }
  await index.save();
  const again = await load();
  expect(again.descriptionOf('a.img', VERSION)).toEqual(DESCRIPTION);
  // What is alike is there once.
  expect(again.descriptionOf('a.img', VERSION)).toBe(again.descriptionOf('b.img', VERSION));
  expect(again.descriptionOf('a.img', { ...VERSION, sizeBytes: 6 })).toBeUndefined();
  again.set('a.img', { ...VERSION, sizeBytes: 6 }, SHA256);
  expect(again.descriptionOf('a.img', { ...VERSION, sizeBytes: 6 })).toBeUndefined();
});

it('forgets a description that only another program understands, and keeps the digest', async () => {
  const index = await load();
  index.set('a.img', VERSION, SHA256);
  index.describe('a.img', VERSION, DESCRIPTION);
  await index.save();
  await writeFile(await onlyFile(), (await indexText()).replaceAll('"qcow2"', '"qcow9"'));
  const again = await load();
  expect(again.digestOf('a.img', VERSION)).toBe(SHA256);
  expect(again.descriptionOf('a.img', VERSION)).toBeUndefined();
  expect(warnings).toEqual([]);
});
