// SPDX-License-Identifier: Apache-2.0
/** A rename is killed before each of its calls: the image has one name afterwards, and the one that was acknowledged. */
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeWith } from '../requirements.ts';
import { runKilledBefore } from './killed-before.ts';

const program = fileURLToPath(new URL('./programs/rename-in-order.ts', import.meta.url));
const CALLS = 'link,linkat,unlink,unlinkat,rename,renameat,renameat2,fsync,fdatasync,mkdir,mkdirat,rmdir';
const PATHS = ['a/one.img', 'b/c/two.img', 'b/three.img', 'four.img'] as const;

/** Everything below the root but what is no image's. */
const namesIn = async (root: string) =>
  (await readdir(root, { recursive: true })).filter((name) => !name.startsWith('.')).sort();

describeWith(['strace'], 'a rename that is killed before a call to the kernel', () => {
  it('leaves one name, at the latest when the store is opened again', { timeout: 600_000 }, async () => {
    let kills = 0;
    for (let before = 1, isKilled = true; isKilled; before += 1) {
      const root = await realpath(await mkdtemp(join(tmpdir(), 'rename-killed-')));
      try {
        await mkdir(join(root, 'a'));
        await writeFile(join(root, PATHS[0]), 'content');
        let acknowledged: string = PATHS[0];
        let begun: string | undefined;
        const onLine = (line: string) => {
          const [word, path = ''] = line.split(' ');
          begun = word === 'begun' ? path : undefined;
          if (word === 'done') acknowledged = path;
        };
        isKilled = await runKilledBefore({ program, args: [root, ...PATHS], calls: CALLS, before, onLine });
        if (isKilled) kills += 1;
        const opened = { program, args: [root], calls: CALLS, before: undefined, onLine: () => {} };
        expect(await runKilledBefore(opened)).toBe(false);
        const names = await namesIn(root);
        const files = names.filter((name) => name.endsWith('.img'));
        expect([[acknowledged], [begun]]).toContainEqual(files);
        expect(await readFile(join(root, files[0] ?? ''), 'utf8')).toBe('content');
        // No folder is left for nothing.
        expect(names.filter((name) => !files[0]?.startsWith(name))).toEqual([]);
        expect(await readdir(join(root, '.incoming')).catch(() => [])).toEqual([]);
      } finally {
        await rm(root, { recursive: true });
      }
    }
    expect(kills).toBeGreaterThan(12);
  });
});
