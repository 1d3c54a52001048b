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
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { versionOf } from './file-version.ts';
import { createGroupPublisher, type Placement } from './publish-together.ts';

let root: string;
let incoming: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'together-')));
  incoming = join(root, '.incoming');
  await mkdir(incoming);
});
afterEach(() => rm(root, { recursive: true }));

const publisher = () => createGroupPublisher({ now: Date.now }, { root, incoming });

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
  const published = await publisher().publish(await stageAll('a', 'b/c', 'd'), { replace: true });
  expect(published.map(({ path, isNew }) => [path, isNew])).toEqual([
    ['a', false],
    ['b/c', true],
    ['d', true],
  ]);
  expect(await images()).toEqual({ a: 'new a', 'b/c': 'new b/c', d: 'new d' });
  expect(await readdir(incoming)).toEqual([]);
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
      inode: String(staged.version.inode),
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
