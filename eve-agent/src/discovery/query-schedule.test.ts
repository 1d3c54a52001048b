// SPDX-License-Identifier: Apache-2.0
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { expect, test } from 'vitest';
import { startQuerySchedule } from './query-schedule.ts';

test('asks at once, after a second, then at doubling intervals up to an hour', () => {
  const clock = createManualClock();
  const askedAtS: number[] = [];
  startQuerySchedule(clock, (round) => {
    expect(round).toBe(askedAtS.length);
    askedAtS.push(clock.nowMs() / 1000);
  });
  clock.advance(3 * 60 * 60 * 1000);
  const intervals = askedAtS.slice(1).map((atS, i) => atS - (askedAtS[i] ?? 0));
  expect(askedAtS[0]).toBe(0);
  expect(intervals).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600]);
});

test('ends when told, also from within', () => {
  const clock = createManualClock();
  let rounds = 0;
  const stop = startQuerySchedule(clock, () => {
    rounds += 1;
    if (rounds === 2) stop();
  });
  clock.advance(60_000);
  expect(rounds).toBe(2);
  expect(clock.pendingTimers()).toBe(0);
});
