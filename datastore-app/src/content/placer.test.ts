import * as fs from 'node:fs/promises';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPlacer, type NamingCalls } from './placer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'placer-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
const contentOf = (name: string) => readFile(at(name), 'utf8');

/** A file system without hard links, in its own words. */
const withoutLinks = (code: string): NamingCalls => ({
  ...fs,
  async link(_file, target) {
    // The kernel looks at the name before it asks the file system.
    const isThere = await fs.lstat(target).then(
      () => true,
      () => false,
    );
    throw Object.assign(new Error(`${code}: link`), { code: isThere ? 'EEXIST' : code });
  },
});

const FILE_SYSTEMS: readonly (readonly [string, NamingCalls])[] = [
  ['with hard links', fs],
  ...['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].map(
    (code) => [`where they fail with ${code}`, withoutLinks(code)] as const,
  ),
];

describe.each(FILE_SYSTEMS)('%s', (_what, calls) => {
  it('gives a file a free name', async () => {
    await writeFile(at('staged'), 'new');
    expect(await createPlacer(calls).place(at('staged'), at('a'), { replace: false })).toBe(true);
    expect(await readdir(folder)).toEqual(['a']);
    expect(await contentOf('a')).toBe('new');
  });

  it('replaces only when it is told to', async () => {
    const placer = createPlacer(calls);
    await writeFile(at('a'), 'old');
    await writeFile(at('staged'), 'new');
    await expect(placer.place(at('staged'), at('a'), { replace: false })).rejects.toMatchObject({
      code: 'IMAGE_EXISTS',
    });
    expect([await contentOf('a'), await contentOf('staged')]).toEqual(['old', 'new']);
    expect(await placer.place(at('staged'), at('a'), { replace: true })).toBe(false);
    expect(await contentOf('a')).toBe('new');
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('lets one of many have a free name, and replaces nothing', async () => {
    const placer = createPlacer(calls);
    const names = Array.from({ length: 20 }, (_, index) => `staged-${index}`);
    for (const name of names) await writeFile(at(name), name);
    const outcomes = await Promise.allSettled(
      names.map((name) => placer.place(at(name), at('a'), { replace: false })),
    );
    const winners = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [names[index]] : []));
    expect(winners).toEqual([await contentOf('a')]);
    const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
    expect(new Set(codes)).toEqual(new Set(['IMAGE_EXISTS']));
    expect(await readdir(folder)).toHaveLength(20);
  });

  it('takes the place of no folder and no link', async () => {
    await writeFile(at('staged'), 'new');
    await mkdir(at('folder'));
    await symlink(at('elsewhere'), at('link'));
    for (const name of ['folder', 'link']) {
      await expect(
        createPlacer(calls).place(at('staged'), at(name), { replace: true }),
      ).rejects.toMatchObject({ code: 'PATH_TAKEN' });
    }
    expect((await readdir(folder)).sort()).toEqual(['folder', 'link', 'staged']);
  });

  it('sets a file aside', async () => {
    await writeFile(at('a'), 'old');
    await createPlacer(calls).setAside(at('a'), at('aside'));
    expect(await contentOf('aside')).toBe('old');
  });
});

it('sees the end of what was cut off between the two names', async () => {
  await writeFile(at('staged'), 'new');
  await fs.link(at('staged'), at('a'));
  expect(await createPlacer().place(at('staged'), at('a'), { replace: false })).toBe(true);
  expect(await readdir(folder)).toEqual(['a']);
});

it('does not take another failure for missing hard links', async () => {
  await writeFile(at('staged'), 'new');
  await expect(
    createPlacer(withoutLinks('EIO')).place(at('staged'), at('a'), { replace: false }),
  ).rejects.toMatchObject({
    code: 'EIO',
  });
  expect(await readdir(folder)).toEqual(['staged']);
});
