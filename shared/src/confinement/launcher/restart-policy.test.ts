// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { judgeEnd, NO_FAILURES } from './restart-policy.ts';

/** Ends after it ran for so long each time, started again after the delay. */
function play(runsMs: readonly number[]) {
  let record = NO_FAILURES;
  let nowMs = 1_000_000;
  return runsMs.map((ranMs) => {
    nowMs += ranMs;
    const judged = judgeEnd(record, nowMs, ranMs);
    record = judged.record;
    nowMs += judged.delayMs;
    return { delayS: judged.delayMs / 1000, isDegraded: record.isDegraded };
  });
}

describe('a calf that ends', () => {
  it('at once each time is started after 1, 2, 4 … 30 s', () => {
    expect(play(Array(8).fill(0)).map(({ delayS }) => delayS)).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  });

  it('five times in a minute is degraded, and stays so while it goes on', () => {
    expect(play(Array(8).fill(0)).map(({ isDegraded }) => isDegraded)).toEqual([
      ...Array(4).fill(false),
      ...Array(4).fill(true),
    ]);
  });

  it('after a minute is started at once again, and degraded no more', () => {
    const after = play([0, 0, 0, 0, 0, 60_000, 0]);
    expect(after.slice(4)).toEqual([
      { delayS: 16, isDegraded: true },
      { delayS: 1, isDegraded: false },
      { delayS: 2, isDegraded: false },
    ]);
  });

  it('now and then is no reason for concern', () => {
    const now = play(Array(50).fill(59_999));
    expect(now.every(({ isDegraded }) => !isDegraded)).toBe(true);
    expect(now.at(-1)?.delayS).toBe(30);
    expect(play(Array(50).fill(60_000)).every(({ delayS }) => delayS === 1)).toBe(true);
  });

  it('is remembered with few numbers', () => {
    let record = NO_FAILURES;
    for (let count = 0; count < 10_000; count += 1) record = judgeEnd(record, count, 0).record;
    expect(record.deaths.length).toBe(5);
    expect(judgeEnd(record, 10_000, 0).delayMs).toBe(30_000);
  });
});
