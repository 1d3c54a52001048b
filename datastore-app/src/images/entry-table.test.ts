// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Entry } from './catalogue-entry.ts';
import { createEntryTable } from './entry-table.ts';
import { listEntries } from './image-listing.ts';
import { takenBytes } from './taken-bytes.ts';

const SHA256 = 'ab'.repeat(32);

const entryOf = (sizeBytes: number, inode: number): Entry => ({
  version: { sizeBytes, mtimeNs: 0n, ctimeNs: 0n, inode: BigInt(inode), device: 1n },
  ...{ sha256: null, isSettled: false, hashedBytes: 0, verified: null, isCorrupt: false },
  growth: { sinceMs: 0, looks: 1, wasThere: true, longestPauseMs: 0, hadWriter: false, wasMisjudged: false },
  detected: { format: 'raw', content: 'raw', virtualSizeBytes: null, problems: [] },
  ...{ failures: 0, retryAtMs: 0 },
});

it('keeps sums that are those of the list, whatever changes', () => {
  const table = createEntryTable();
  const [a, b, c] = [entryOf(100, 1), entryOf(20, 2), entryOf(20, 2)];
  const steps: (() => unknown)[] = [
    () => table.set('a.img', a, false),
    () => table.set('b.img', b, true),
    () => table.set('c.img', c, true),
    () => table.setLink('alias.img', 'a.img'),
    () => table.setLink('nowhere.img', 'missing.img'),
    () => table.change('a.img', a, { sha256: SHA256 }),
    () => table.change('a.img', a, { isCorrupt: true }),
    () => table.set('a.img', entryOf(7, 3), false),
    () => table.delete('b.img'),
    () => table.noteNames('c.img', false),
    () => table.noteNames('a.img', true),
    () => table.change('c.img', c, { sha256: SHA256 }),
    () => table.setLink('alias.img', undefined),
    () => table.change('c.img', c, { detected: { ...c.detected, format: 'container' } }),
    () => table.change('c.img', c, { isCorrupt: true }),
    () => table.change('c.img', c, { isCorrupt: false }),
    () => table.delete('a.img'),
    () => table.delete('c.img'),
  ];
  for (const step of steps) {
    const before = table.revision();
    const containersBefore = [table.containersRevision(), new Map(table.containers)] as const;
    step();
    const sound = [...table.entries].filter(
      ([, { detected, sha256, isCorrupt }]) =>
        detected.format === 'container' && sha256 !== null && !isCorrupt,
    );
    expect(new Map(table.containers)).toEqual(new Map(sound));
    if (table.containersRevision() === containersBefore[0]) {
      expect(new Map(table.containers)).toEqual(containersBefore[1]);
    }
    const states = { hashing: 0, ready: 0, corrupt: 0 };
    const images = listEntries(table.entries, table.links);
    for (const { state } of images) states[state] += 1;
    expect(table.counts()).toEqual(states);
    for (const replaced of [[], ['a.img'], ['b.img', 'c.img'], ['missing.img']]) {
      expect(table.totalBytes(new Set(replaced))).toBe(takenBytes(table.entries, new Set(replaced)));
    }
    const unhashed = [...table.entries].filter(([, { sha256 }]) => sha256 === null);
    expect(new Map(table.unhashed)).toEqual(new Map(unhashed));
    // Whoever remembers a list must not be told that it is still so.
    if (!String(step).includes('noteNames')) expect(table.revision()).not.toBe(before);
  }
  expect(table.entries.size).toBe(0);
});

it('changes nothing of an entry that is not at its path any more', () => {
  const table = createEntryTable();
  const old = entryOf(1, 1);
  table.set('a.img', old, false);
  table.set('a.img', entryOf(1, 2), false);
  table.change('a.img', old, { sha256: SHA256 });
  expect(table.counts()).toEqual({ hashing: 1, ready: 0, corrupt: 0 });
  expect(old.sha256).toBeNull();
});
