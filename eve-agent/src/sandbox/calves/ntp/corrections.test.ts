// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { correctAgain, gainedMs, noCorrections, pendingMs, slewedMs } from './corrections.ts';

describe('corrections', () => {
  test('are none at first, at whatever frequency', () => {
    const none = noCorrections(1000, 42);
    for (const atMs of [0, 1000, 1e9]) {
      expect([slewedMs(none, atMs), gainedMs(none, atMs), pendingMs(none, atMs)]).toEqual([0, 0, 0]);
    }
  });

  test.each([10, -10])('a slew of %i ms takes 20 s', (slewMs) => {
    const slewing = correctAgain(noCorrections(1000, 0), 1000, { slewMs });
    const moments = [0, 1000, 6000, 11_000, 21_000, 1e9];
    // 0 + makes 0 of -0.
    expect(moments.map((atMs) => 0 + slewedMs(slewing, atMs) / slewMs)).toEqual([0, 0, 0.25, 0.5, 1, 1]);
    expect(moments.map((atMs) => 0 + pendingMs(slewing, atMs) / slewMs)).toEqual([1, 1, 0.75, 0.5, 0, 0]);
  });

  test('a slew takes the place of one that is under way, whose part stays done', () => {
    const first = correctAgain(noCorrections(0, 0), 0, { slewMs: 10 });
    const second = correctAgain(first, 10_000, { slewMs: -1 });
    expect(slewedMs(second, 10_000)).toBe(5);
    expect(slewedMs(second, 1e9)).toBe(4);
  });

  test('a frequency adds up as time goes by, beside a slew that goes on', () => {
    const slewing = correctAgain(noCorrections(0, 10), 0, { slewMs: 10 });
    const faster = correctAgain(slewing, 10_000, { frequencyPpm: 60 });
    expect(pendingMs(faster, 10_000)).toBe(5);
    expect(slewedMs(faster, 1_010_000)).toBe(10);
    // 50 ppm more than at the beginning.
    expect(gainedMs(faster, 1_010_000)).toBeCloseTo(50, 9);
    const back = correctAgain(faster, 1_010_000, { frequencyPpm: 10 });
    expect(gainedMs(back, 2_010_000)).toBeCloseTo(50, 9);
  });

  test('a moment before the last correction is that of the correction', () => {
    const slewing = correctAgain(noCorrections(0, 0), 10_000, { slewMs: 10, frequencyPpm: 5 });
    expect(slewedMs(slewing, 0)).toBe(0);
    expect(gainedMs(slewing, 0)).toBe(0);
    expect(correctAgain(slewing, 5000, { slewMs: 1 }).sinceMs).toBe(10_000);
  });
});
