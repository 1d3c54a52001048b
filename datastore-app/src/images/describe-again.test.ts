// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { ImageDescription } from '../formats/image-description.ts';
import type { Entry } from './catalogue-entry.ts';
import { describeAgain } from './describe-again.ts';
import { createEntryTable } from './entry-table.ts';

const described = (content: string): ImageDescription => ({
  ...{ format: 'raw', content, virtualSizeBytes: null, problems: [] },
});

const entryOf = (sizeBytes: number): Entry => ({
  version: { sizeBytes, mtimeNs: 0n, ctimeNs: 0n, inode: BigInt(sizeBytes), device: 1n },
  ...{ sha256: 'ab'.repeat(32), isSettled: true, hashedBytes: 0, verified: null, isCorrupt: false },
  growth: { sinceMs: 0, looks: 1, wasThere: true, longestPauseMs: 0, hadWriter: false, wasMisjudged: false },
  ...{ detected: described('old'), failures: 0, retryAtMs: 0 },
});

it('takes over what a newer program says, slowly, and remembers it', async () => {
  const table = createEntryTable();
  for (let number = 1; number <= 120; number += 1) table.set(`${number}.img`, entryOf(number), false);
  const before = table.revision();
  const waits: number[] = [];
  const remembered: string[] = [];
  let elapsedMs = 0;
  await describeAgain(
    {
      table,
      index: { describe: (path) => remembered.push(path) },
      async detect(_path, sizeBytes) {
        elapsedMs += 1;
        // Replaced meanwhile: what was read is not of this version.
        if (sizeBytes === 3) table.set('3.img', entryOf(30), false);
        if (sizeBytes === 4) throw new Error('EIO');
        return described(sizeBytes < 5 ? 'new' : 'old');
      },
      elapsed: () => elapsedMs,
      wait: async (ms) => {
        waits.push(ms);
      },
    },
    new AbortController().signal,
  );
  const changed = [...table.entries].filter(([, { detected }]) => detected.content === 'new');
  expect(changed.map(([path]) => path)).toEqual(['1.img', '2.img']);
  expect(remembered).toEqual(expect.arrayContaining(['1.img', '2.img']));
  expect(table.revision()).not.toBe(before);
  expect(waits).toEqual([50_000, 50_000]);
});
