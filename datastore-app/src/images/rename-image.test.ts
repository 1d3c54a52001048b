// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs/promises';
import { link, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPlacer, type NamingCalls } from '../content/placer.ts';
import { incomingDirectoryOf } from '../content/staging.ts';
import { renameImage } from './rename-image.ts';
import { createRenameJournal } from './rename-journal.ts';

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
const names = async () =>
  (await readdir(root, { recursive: true })).filter((name) => !name.startsWith('.')).sort();

let nowMs = 1_000_000_000_000;
const journalOf = () =>
  createRenameJournal({ now: () => nowMs }, { root, incoming: incomingDirectoryOf(root) });
const released = { find: () => undefined };

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
    renameImage({ root, placer, released, journal: journalOf() }, path, to);

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
  const place = { root, placer: createPlacer(), released, journal: journalOf() };
  expect(await renameImage(place, 'a.img', 'b.img')).toMatchObject({ to: 'b.img' });
  expect(await names()).toEqual(['b.img']);
});

describe('what was cut off', () => {
  /** As a run that is killed at a call leaves it. */
  async function cutOff(path: string, to: string, calls: Partial<NamingCalls>) {
    const placer = createPlacer({ ...fs, ...calls });
    const journal = journalOf();
    const begin = async (...plan: [string, string]) => {
      await journal.begin(...plan);
      return async () => {};
    };
    await renameImage({ root, placer, released, journal: { begin } }, path, to).catch(() => {});
  }
  const failing = async () => {
    throw new Error('killed');
  };

  it('between the names is completed', async () => {
    await write('a/one.img', 'one');
    await cutOff('a/one.img', 'b/two.img', { unlink: failing });
    expect(await names()).toEqual(['a', 'a/one.img', 'b', 'b/two.img']);
    expect(await journalOf().recover(0)).toEqual({ left: ['a/one.img'], failures: [] });
    expect(await names()).toEqual(['b', 'b/two.img']);
    expect(await readFile(join(root, 'b/two.img'), 'utf8')).toBe('one');
    expect(await readdir(incomingDirectoryOf(root))).toEqual([]);
  });

  it('before the new name leaves the old one', async () => {
    await write('a/one.img', 'one');
    await cutOff('a/one.img', 'b/two.img', { link: failing });
    await mkdir(join(root, 'b'));
    expect(await journalOf().recover(0)).toEqual({ left: [], failures: [] });
    expect(await names()).toEqual(['a', 'a/one.img']);
  });

  it('behind the old name is as it is', async () => {
    await write('a/one.img', 'one');
    await cutOff('a/one.img', 'b/two.img', {});
    expect(await journalOf().recover(0)).toEqual({ left: [], failures: [] });
    expect(await names()).toEqual(['b', 'b/two.img']);
  });

  it('and names another file by now is left alone', async () => {
    await write('a.img', 'one');
    await cutOff('a.img', 'b.img', { unlink: failing });
    await rm(join(root, 'b.img'));
    await write('b.img', 'another');
    expect(await journalOf().recover(0)).toEqual({ left: [], failures: [] });
    expect(await names()).toEqual(['a.img', 'b.img']);
  });

  it('and would be its own other name is left alone', async () => {
    await write('a/one.img', 'one');
    await symlink('a', join(root, 'b'));
    // As somebody's second name elsewhere.
    await link(join(root, 'a/one.img'), join(root, 'kept.img'));
    await journalOf().begin('a/one.img', 'b/one.img');
    expect(await journalOf().recover(0)).toEqual({ left: [], failures: [] });
    expect(await names()).toEqual(['a', 'a/one.img', 'b', 'b/one.img', 'kept.img']);
    expect(await readFile(join(root, 'a/one.img'), 'utf8')).toBe('one');
  });

  it('by another program a moment ago is left to it', async () => {
    await write('a.img', 'one');
    await cutOff('a.img', 'b.img', { unlink: failing });
    nowMs = Date.now();
    expect(await journalOf().recover(600_000)).toEqual({ left: [], failures: [] });
    expect(await names()).toEqual(['a.img', 'b.img']);
    nowMs += 600_000;
    expect(await journalOf().recover(600_000)).toMatchObject({ left: ['a.img'] });
  });

  it.each(['{}', 'no JSON', '{"path":"../x","to":"a.img"}'])('and is none is said: %s', async (text) => {
    await write('.incoming/x.rename.json', text);
    await write('.incoming/y.rename.json.new', text);
    expect((await journalOf().recover(0)).failures).toHaveLength(1);
    expect(await readdir(incomingDirectoryOf(root))).toEqual(['x.rename.json']);
  });
});
