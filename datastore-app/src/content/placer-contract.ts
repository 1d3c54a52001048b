// SPDX-License-Identifier: Apache-2.0
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Placer } from './placer.ts';

/** A placer under test, and an empty folder of the file system that it is for. */
export interface PlacerUnderTest {
  readonly placer: Placer;
  readonly folder: string;
  close(): Promise<void>;
}

/**
 * What a store expects of every placer, whatever its file system has.
 *
 * @param traits.hasSymbolicLinks false: the file system has none that could stand in the way
 */
export function describePlacerContract(
  name: string,
  create: () => Promise<PlacerUnderTest>,
  { hasSymbolicLinks = true } = {},
): void {
  describe(`the placer ${name}`, () => {
    let under: PlacerUnderTest;
    beforeEach(async () => {
      under = await create();
    });
    afterEach(() => under.close());

    const at = (path: string) => join(under.folder, path);
    const contentOf = (path: string) => readFile(at(path), 'utf8');

    it('gives a file a free name', async () => {
      await writeFile(at('staged'), 'new');
      expect(await under.placer.place(at('staged'), at('a'), { replace: false })).toBe(true);
      expect(await readdir(under.folder)).toEqual(['a']);
      expect(await contentOf('a')).toBe('new');
    });

    it('replaces only when it is told to', async () => {
      const { placer } = under;
      await writeFile(at('a'), 'old');
      await writeFile(at('staged'), 'new');
      await expect(placer.place(at('staged'), at('a'), { replace: false })).rejects.toMatchObject({
        code: 'IMAGE_EXISTS',
      });
      expect([await contentOf('a'), await contentOf('staged')]).toEqual(['old', 'new']);
      expect(await placer.place(at('staged'), at('a'), { replace: true })).toBe(false);
      expect(await contentOf('a')).toBe('new');
      expect(await readdir(under.folder)).toEqual(['a']);
    });

    it('lets one of many have a free name, and replaces nothing', async () => {
      const { placer } = under;
      const names = Array.from({ length: 20 }, (_, index) => `staged-${index}`);
      for (const name of names) await writeFile(at(name), name);
      const outcomes = await Promise.allSettled(
        names.map((name) => placer.place(at(name), at('a'), { replace: false })),
      );
      const winners = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [names[index]] : []));
      expect(winners).toEqual([await contentOf('a')]);
      const codes = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason.code] : [],
      );
      expect(new Set(codes)).toEqual(new Set(['IMAGE_EXISTS']));
      expect(await readdir(under.folder)).toHaveLength(20);
    });

    it('takes the place of no folder and no link', async () => {
      await writeFile(at('staged'), 'new');
      await mkdir(at('folder'));
      if (hasSymbolicLinks) await symlink(at('elsewhere'), at('link'));
      const taken = hasSymbolicLinks ? ['folder', 'link'] : ['folder'];
      for (const name of taken) {
        await expect(under.placer.place(at('staged'), at(name), { replace: true })).rejects.toMatchObject({
          code: 'PATH_TAKEN',
        });
      }
      expect((await readdir(under.folder)).sort()).toEqual([...taken, 'staged']);
    });

    it('sets a file aside', async () => {
      await writeFile(at('a'), 'old');
      await under.placer.setAside(at('a'), at('aside'));
      expect(await contentOf('aside')).toBe('old');
    });
  });
}
