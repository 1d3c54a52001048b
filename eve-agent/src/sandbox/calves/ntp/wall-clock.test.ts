// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@local-datastore/shared/system-clock';
import { describe, expect, test } from 'vitest';
import { createWallClock } from './wall-clock.ts';

/** A host whose monotonic clock goes on by so much with each reading, and whose other clock can be set. */
function host(stepMs: number, baseMs: number) {
  let nowMs = 0;
  let wallBaseMs = baseMs;
  const clock = { nowMs: () => (nowMs += stepMs), after: () => () => {} };
  return {
    wall: createWallClock({ clock, readWallMs: () => Math.floor(nowMs + wallBaseMs) }),
    passMs(milliseconds: number) {
      nowMs += milliseconds;
    },
    setBy(milliseconds: number) {
      wallBaseMs += milliseconds;
    },
    /** How wrong the time is. */
    errorMs(moment: { atMs: number; unixNs: bigint }) {
      return Number(moment.unixNs) / 1e6 - (moment.atMs + wallBaseMs);
    },
  };
}

describe('a clock that tells whole milliseconds', () => {
  test.each([0, 0.25, 0.5, 0.999_99, 1_796_000_000_000.123])(
    'is known to microseconds, %d ms from the other',
    (baseMs) => {
      const { wall, errorMs } = host(0.001, baseMs);
      expect(wall.precisionMs()).toBeLessThan(0.005);
      expect(Math.abs(errorMs(wall.now()))).toBeLessThan(0.005);
      expect(wall.hasJumped()).toBe(false);
    },
  );

  test('is known to what it tells where time stands still, and better with each reading', () => {
    const { wall, errorMs, passMs } = host(0, 1000.7);
    expect(wall.precisionMs()).toBe(0.5);
    for (let turn = 0; turn < 200; turn += 1) {
      passMs(17.137);
      expect(Math.abs(errorMs(wall.now()))).toBeLessThanOrEqual(wall.precisionMs());
    }
    expect(wall.precisionMs()).toBeLessThan(0.01);
  });

  test.each([2, -2, 3_600_000, -3_600_000, 1.8e12])(
    'is known again after it was set by %d ms, which is told once',
    (byMs) => {
      const { wall, errorMs, passMs, setBy } = host(0.001, 1000.7);
      passMs(5000);
      setBy(byMs);
      expect(Math.abs(errorMs(wall.now()))).toBeLessThan(0.005);
      expect(wall.hasJumped()).toBe(true);
      expect(wall.hasJumped()).toBe(false);
    },
  );

  test('is not said to be set as time goes by', () => {
    const { wall, passMs } = host(0.0013, 5.55);
    for (let turn = 0; turn < 2000; turn += 1) {
      passMs(turn * 0.377);
      expect(wall.hasJumped()).toBe(false);
    }
  });
});

test('this machine has one', () => {
  const wall = createWallClock({ clock: systemClock, readWallMs: Date.now });
  const { unixNs } = wall.now();
  expect(Math.abs(Number(unixNs) / 1e6 - Date.now())).toBeLessThan(1000);
  expect(wall.precisionMs()).toBeLessThanOrEqual(0.5);
});
