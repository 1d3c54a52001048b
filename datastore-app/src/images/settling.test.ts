// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { FileVersion } from '../content/file-version.ts';
import { beginGrowth, type Growth, isComplete, type Writer } from './settling.ts';

const WRITTEN_MS = 1_800_000_000_000;
const ns = (ms: number) => BigInt(ms) * 1_000_000n;
const VERSION: FileVersion = {
  ...{ sizeBytes: 5, mtimeNs: ns(WRITTEN_MS), ctimeNs: ns(WRITTEN_MS), inode: 7n, device: 1n },
};
const TIME_SET: FileVersion = { ...VERSION, mtimeNs: ns(WRITTEN_MS - 86_400_000) };
const NEW: Growth = {
  ...{ sinceMs: 0, looks: 2, wasThere: false, longestPauseMs: 0, hadWriter: false, wasMisjudged: false },
};
/** The clock of files is right, and believed only where there is nothing else. */
const after = (ms: number) => ({ elapsedMs: ms, nowMs: WRITTEN_MS + ms });
const HOUR = 3_600_000;

it.each<[string, FileVersion, Partial<Growth>, Writer, number, boolean]>([
  ['open for writing', VERSION, {}, 'open', HOUR, false],
  ['open for writing, with a time that was set', TIME_SET, {}, 'open', HOUR, false],
  ['open for writing, and there from the beginning', VERSION, { wasThere: true }, 'open', HOUR, false],
  ['seen once', VERSION, { looks: 1 }, 'none', HOUR, false],
  ['open to nobody, a moment ago', VERSION, {}, 'none', 1999, false],
  ['open to nobody for two seconds', VERSION, {}, 'none', 2000, true],
  ['open to nobody, with a time that was set', TIME_SET, {}, 'none', 0, true],
  ['closed by who was seen to write', VERSION, { hadWriter: true }, 'none', 0, true],
  ['closed by who was seen to write, others unseen', VERSION, { hadWriter: true }, 'unseen', 0, true],
  ['perhaps open to the unseen, for two seconds', VERSION, {}, 'unseen', 2000, false],
  ['perhaps open to the unseen, for nearly ten seconds', VERSION, {}, 'unseen', 9999, false],
  ['perhaps open to the unseen, for ten seconds', VERSION, {}, 'unseen', 10_000, true],
  ['perhaps open, with a time that was set', TIME_SET, {}, 'unseen', 1999, false],
  ['perhaps open, with a time that was set two seconds ago', TIME_SET, {}, 'unseen', 2000, true],
  ['copied with pauses of a second', VERSION, { longestPauseMs: 1000 }, 'unseen', 10_000, true],
  ['copied with pauses of five seconds', VERSION, { longestPauseMs: 5000 }, 'unseen', 19_999, false],
  ['copied with pauses of five seconds, long ago', VERSION, { longestPauseMs: 5000 }, 'unseen', 20_000, true],
  ['copied with pauses of hours', VERSION, { longestPauseMs: 4 * HOUR }, 'unseen', 599_999, false],
  ['copied with pauses of hours, long ago', VERSION, { longestPauseMs: 4 * HOUR }, 'unseen', 600_000, true],
  [
    'closed, opened again and closed',
    VERSION,
    { hadWriter: true, wasMisjudged: true, longestPauseMs: 3000 },
    'none',
    11_999,
    false,
  ],
  [
    'closed, opened again and closed, long ago',
    VERSION,
    { hadWriter: true, wasMisjudged: true, longestPauseMs: 3000 },
    'none',
    12_000,
    true,
  ],
  ['there from the beginning, and old', VERSION, { wasThere: true, sinceMs: HOUR }, 'unseen', HOUR, true],
  ['there from the beginning, but young', VERSION, { wasThere: true, sinceMs: 9000 }, 'unseen', 9999, false],
  ['new, of a share whose clock is behind', VERSION, { sinceMs: HOUR }, 'unseen', HOUR, false],
])('a file that is %s', (_what, version, growth, writer, ms, expected) => {
  expect(isComplete(version, { ...NEW, ...growth }, writer, after(ms))).toBe(expected);
});

it.each([
  ['a year behind', -365 * 24 * HOUR],
  ['a year ahead', 365 * 24 * HOUR],
])('hashes what is left alone also where the clock is %s', (_what, offMs) => {
  const clocks = { elapsedMs: 10_000, nowMs: WRITTEN_MS + offMs };
  for (const writer of ['none', 'unseen'] as const) {
    expect(isComplete(VERSION, NEW, writer, clocks)).toBe(true);
    expect(isComplete(VERSION, { ...NEW, wasThere: true }, writer, clocks)).toBe(true);
  }
});

it.each<[string, Partial<FileVersion>, boolean, Partial<Growth>]>([
  ['grew', { sizeBytes: 6, mtimeNs: ns(WRITTEN_MS + 1) }, false, { longestPauseMs: 4000, hadWriter: true }],
  [
    'grew after it was taken for complete',
    { sizeBytes: 6 },
    true,
    { longestPauseMs: 4000, hadWriter: true, wasMisjudged: true },
  ],
  [
    'got another owner, mode or name',
    { ctimeNs: ns(WRITTEN_MS + 1) },
    true,
    { longestPauseMs: 1000, hadWriter: true, wasMisjudged: false },
  ],
  ['is overwritten from the beginning', { sizeBytes: 4 }, true, { longestPauseMs: 0, wasMisjudged: false }],
  ['is truncated while it grows', { sizeBytes: 4 }, false, { longestPauseMs: 4000, wasMisjudged: false }],
  ['was replaced', { inode: 8n }, true, { longestPauseMs: 0, hadWriter: false, wasMisjudged: false }],
  ['is on another volume', { device: 2n }, true, { longestPauseMs: 0, hadWriter: false }],
])('remembers of a file that %s how it was copied', (_what, change, isSettled, expected) => {
  const growth: Growth = { ...NEW, sinceMs: 1000, longestPauseMs: 1000, hadWriter: true };
  const previous = { version: VERSION, growth, isSettled };
  expect(beginGrowth({ ...VERSION, ...change }, previous, 5000, false)).toMatchObject({
    ...{ sinceMs: 5000, looks: 1, wasThere: false },
    ...expected,
  });
});

it('takes no file for a copy with pauses that is overwritten after it was complete for long', () => {
  const previous = { version: VERSION, growth: NEW, isSettled: true };
  const overwritten = { ...VERSION, mtimeNs: ns(WRITTEN_MS + HOUR) };
  expect(beginGrowth(overwritten, previous, HOUR, false)).toMatchObject({
    ...{ longestPauseMs: 0, wasMisjudged: false },
  });
  expect(beginGrowth(overwritten, previous, 600_000, false)).toMatchObject({
    ...{ longestPauseMs: 600_000, wasMisjudged: true },
  });
});

it('knows what was there when the watching began', () => {
  expect(beginGrowth(VERSION, undefined, 5, true)).toMatchObject({ wasThere: true, sinceMs: 5, looks: 1 });
  expect(beginGrowth(VERSION, undefined, 5, false)).toMatchObject({ wasThere: false });
});
