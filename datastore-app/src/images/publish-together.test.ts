// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs/promises';
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { versionOf } from '../content/file-version.ts';
import { linklessCalls } from '../content/linkless-calls.ts';
import { createPlacer } from '../content/placer.ts';
import { createGroupPublisher, type Placement } from './publish-together.ts';

let root: string;
let incoming: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'together-')));
  incoming = join(root, '.incoming');
  await mkdir(incoming);
});
afterEach(() => rm(root, { recursive: true }));

const NOTHING_RELEASED = { find: () => undefined };
const publisher = () =>
  createGroupPublisher(
    { now: Date.now, placer: createPlacer(), released: NOTHING_RELEASED },
    { root, incoming },
  );

async function stage(path: string): Promise<Placement> {
  const file = join(incoming, `${path.replaceAll('/', '-')}.staged`);
  await writeFile(file, `new ${path}`);
  const version = versionOf(await stat(file, { bigint: true }));
  return { path, staged: { file, version, sha256: 'ab'.repeat(32), claim: undefined } };
}
const stageAll = async (...paths: string[]) => {
  const placements: Placement[] = [];
  for (const path of paths) placements.push(await stage(path));
  return placements;
};

/** All images with their content. */
async function images(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath === incoming) continue;
    const file = join(entry.parentPath, entry.name);
    found[file.slice(root.length + 1)] = await readFile(file, 'utf8');
  }
  return found;
}

it('publishes all, and says which were new', async () => {
  await writeFile(join(root, 'a'), 'old a');
  const { images: published } = await publisher().publish(await stageAll('a', 'b/c', 'd'), { replace: true });
  expect(published.map(({ path, isNew }) => [path, isNew])).toEqual([
    ['a', false],
    ['b/c', true],
    ['d', true],
  ]);
  expect(await images()).toEqual({ a: 'new a', 'b/c': 'new b/c', d: 'new d' });
  expect(await readdir(incoming)).toEqual([]);
});

it('tells of the images as they stand at their paths', async () => {
  const placements = await stageAll('a', 'b');
  const { publications } = await publisher().publish(placements, { replace: true });
  for (const { path, version } of publications) {
    expect(version).toEqual(versionOf(await stat(join(root, path), { bigint: true })));
  }
});

it.each([
  ['one that exists', ['b/c', 'a'], false, 'IMAGE_EXISTS', '"a"'],
  ['a folder in the way', ['b/c', 'folder'], true, 'PATH_TAKEN', '"folder"'],
  ['two that exclude each other', ['a', 'x/y', 'x'], true, 'PATH_TAKEN', '"x"'],
  ['two the other way round', ['a', 'x', 'x/y'], true, 'PATH_TAKEN', '"x/y"'],
])('publishes none when there is %s', async (_what, paths, replace, code, name) => {
  await writeFile(join(root, 'a'), 'old a');
  await mkdir(join(root, 'folder'));
  await writeFile(join(root, 'folder', 'x'), 'x');
  const before = await images();
  await expect(publisher().publish(await stageAll(...paths), { replace })).rejects.toMatchObject({
    code,
    message: expect.stringContaining(name),
  });
  expect(await images()).toEqual(before);
  expect((await readdir(root)).sort()).toEqual(['.incoming', 'a', 'folder']);
});

describe('after a power cut', () => {
  /** What stands in the journal and on the disk when the power goes at some point. */
  async function cut(step: 'publishing' | 'undoing', replace = true): Promise<Placement[]> {
    await writeFile(join(root, 'a'), 'old a');
    const placements = await stageAll('a', 'b/c', 'd');
    const entries = placements.map(({ path, staged }, index) => ({
      path,
      staged: staged.file.slice(incoming.length + 1),
      replaced: `id-${index}.replaced`,
      sizeBytes: staged.version.sizeBytes,
      mtimeNs: String(staged.version.mtimeNs),
      sha256: staged.sha256,
    }));
    await writeFile(join(incoming, 'id.bundle.json'), JSON.stringify({ step, replace, entries }));
    return placements;
  }

  const ALL = { a: 'new a', 'b/c': 'new b/c', d: 'new d' };

  it('completes what had not begun', async () => {
    await cut('publishing');
    const { published } = await publisher().recover(0);
    expect(published.map(({ path }) => path)).toEqual(['a', 'b/c', 'd']);
    expect(await images()).toEqual(ALL);
    expect(await readdir(incoming)).toEqual([]);
  });

  it('completes it also where the clock has lost the time', async () => {
    await cut('publishing');
    const publisher = createGroupPublisher(
      { now: () => 0, placer: createPlacer(), released: NOTHING_RELEASED },
      { root, incoming },
    );
    expect((await publisher.recover(0)).published).toHaveLength(3);
    expect(await images()).toEqual(ALL);
    expect(await readdir(incoming)).toEqual([]);
  });

  it('completes what had been done by halves', async () => {
    const [a, b] = await cut('publishing');
    // The first was replaced; of the second one name was made and the other not yet removed.
    await link(join(root, 'a'), join(incoming, 'id-0.replaced'));
    await unlink(join(root, 'a'));
    await link(a?.staged.file ?? '', join(root, 'a'));
    await unlink(a?.staged.file ?? '');
    await mkdir(join(root, 'b'));
    await link(b?.staged.file ?? '', join(root, 'b/c'));
    expect((await publisher().recover(0)).published).toHaveLength(3);
    expect(await images()).toEqual(ALL);
    expect(await readdir(incoming)).toEqual([]);
  });

  it('undoes all when it cannot be completed', async () => {
    await cut('publishing');
    await mkdir(join(root, 'd'));
    await writeFile(join(root, 'd', 'x'), 'x');
    const { published, failures } = await publisher().recover(0);
    expect([published, failures]).toEqual([[], [expect.stringMatching(/^"d": A folder/)]]);
    expect(await images()).toEqual({ a: 'old a', 'd/x': 'x' });
    expect(await readdir(incoming)).toEqual([]);
  });

  it('goes on undoing', async () => {
    const [a, b] = await cut('undoing');
    await link(join(root, 'a'), join(incoming, 'id-0.replaced'));
    await unlink(join(root, 'a'));
    await link(a?.staged.file ?? '', join(root, 'a'));
    await mkdir(join(root, 'b'));
    await link(b?.staged.file ?? '', join(root, 'b/c'));
    expect(await publisher().recover(0)).toEqual({ published: [], failures: [] });
    expect(await images()).toEqual({ a: 'old a' });
    expect(await readdir(incoming)).toEqual([]);
  });

  it('leaves alone what another program is just doing', async () => {
    await cut('publishing');
    await writeFile(join(incoming, 'id-0.replaced'), 'x');
    await writeFile(join(incoming, 'gone-0.replaced'), 'x');
    expect((await publisher().recover(60_000)).published).toEqual([]);
    expect((await readdir(incoming)).includes('id-0.replaced')).toBe(true);
    expect((await readdir(incoming)).includes('gone-0.replaced')).toBe(false);
    const longAgo = new Date(Date.now() - 120_000);
    await utimes(join(incoming, 'id.bundle.json'), longAgo, longAgo);
    expect((await publisher().recover(60_000)).published).toHaveLength(3);
  });
});

describe('without hard links', () => {
  /** A file system without them; the naming call of this number fails, as when the power goes. */
  function setUp(failingCall = Number.POSITIVE_INFINITY) {
    let calls = 0;
    const count = () => {
      calls += 1;
      if (calls >= failingCall) throw Object.assign(new Error('EIO: cut off'), { code: 'EIO' });
    };
    const placer = createPlacer({
      ...linklessCalls(),
      async rename(...names) {
        count();
        await fs.rename(...names);
      },
    });
    return createGroupPublisher({ now: Date.now, placer, released: NOTHING_RELEASED }, { root, incoming });
  }

  it('publishes all, and says which were new', async () => {
    await writeFile(join(root, 'a'), 'old a');
    const { images: published } = await setUp().publish(await stageAll('a', 'b/c'), { replace: true });
    expect(published.map(({ path, isNew }) => [path, isNew])).toEqual([
      ['a', false],
      ['b/c', true],
    ]);
    expect(await images()).toEqual({ a: 'new a', 'b/c': 'new b/c' });
    expect(await readdir(incoming)).toEqual([]);
  });

  it.each([1, 2, 3, 4])('is as it was when naming call %i fails', async (failingCall) => {
    await writeFile(join(root, 'a'), 'old a');
    await writeFile(join(root, 'b'), 'old b');
    await expect(
      setUp(failingCall).publish(await stageAll('a', 'b'), { replace: true }),
    ).rejects.toMatchObject({ code: 'EIO' });
    expect(await images()).toEqual({ a: 'old a', b: 'old b' });
    expect(await readdir(incoming)).toEqual([]);
  });

  /** What a kill leaves: the journal, and the files as far as they had come. */
  async function cut(step: 'publishing' | 'undoing', ...done: readonly [string, string][]): Promise<void> {
    await writeFile(join(root, 'a'), 'old a');
    const placements = await stageAll('a', 'b');
    const entries = placements.map(({ path, staged: { file, version, sha256 } }, index) => ({
      path,
      staged: basename(file),
      replaced: `id-${index}.replaced`,
      sizeBytes: version.sizeBytes,
      mtimeNs: String(version.mtimeNs),
      sha256,
    }));
    await writeFile(join(incoming, 'id.bundle.json'), JSON.stringify({ step, replace: true, entries }));
    for (const [from, to] of done) await fs.rename(join(root, from), join(root, to));
  }
  const ASIDE: [string, string] = ['a', '.incoming/id-0.replaced'];
  const A_PLACED: [string, string] = ['.incoming/a.staged', 'a'];
  const B_PLACED: [string, string] = ['.incoming/b.staged', 'b'];

  it.each([
    ['nothing', []],
    ['one set aside', [ASIDE]],
    ['one placed', [ASIDE, A_PLACED]],
    ['both placed', [ASIDE, A_PLACED, B_PLACED]],
  ])('completes after %s was done', async (_what, done) => {
    await cut('publishing', ...done);
    const { published, failures } = await setUp().recover(0);
    expect([published.map(({ path }) => path), failures]).toEqual([['a', 'b'], []]);
    expect(await images()).toEqual({ a: 'new a', b: 'new b' });
    expect(await readdir(incoming)).toEqual([]);
  });

  it.each([
    ['nothing', []],
    ['one set aside', [ASIDE]],
    ['one placed', [ASIDE, A_PLACED]],
    ['both placed', [ASIDE, A_PLACED, B_PLACED]],
    ['one put back', [ASIDE, A_PLACED, [A_PLACED[1], A_PLACED[0]], [ASIDE[1], ASIDE[0]]]],
  ] as [string, [string, string][]][])('undoes after %s was done', async (_what, done) => {
    await cut('undoing', ...done);
    expect(await setUp().recover(0)).toEqual({ published: [], failures: [] });
    expect(await images()).toEqual({ a: 'old a' });
    expect(await readdir(incoming)).toEqual([]);
  });

  it('keeps what was replaced as long as that cannot be put back', async () => {
    await cut('undoing', ASIDE);
    await writeFile(join(incoming, 'id.bundle.json'), 'damaged');
    expect((await setUp().recover(0)).failures).toHaveLength(1);
    expect(await readFile(join(incoming, 'id-0.replaced'), 'utf8')).toBe('old a');
  });
});
