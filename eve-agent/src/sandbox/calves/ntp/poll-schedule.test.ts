// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import {
  adaptSchedule,
  type PollSchedule,
  scheduleAfterAnswer,
  scheduleAfterQuestion,
  scheduleAfterRate,
  startSchedule,
} from './poll-schedule.ts';

/** The seconds between questions of which `isAnswered` says whether each is answered. */
function intervals(
  count: number,
  isAnswered: (index: number) => boolean,
  start = startSchedule(0),
): number[] {
  let schedule = start;
  let nowMs = schedule.nextMs;
  let wasReachable = false;
  const seconds: number[] = [];
  for (let index = 0; index < count; index += 1) {
    schedule = scheduleAfterQuestion(schedule, nowMs, wasReachable, 0);
    if (isAnswered(index)) {
      schedule = scheduleAfterAnswer(schedule, nowMs, !wasReachable);
      wasReachable = true;
    } else wasReachable = false;
    seconds.push((schedule.nextMs - nowMs) / 1000);
    nowMs = schedule.nextMs;
  }
  return seconds;
}

const limited = (schedule: PollSchedule, wantedLog2: number) => scheduleAfterRate(schedule, 0, wantedLog2);

describe('questions', () => {
  test('begin at once, and go on in a burst once the server answers', () => {
    expect(startSchedule(7).nextMs).toBe(7);
    expect(intervals(10, () => true)).toEqual([2, 2, 2, 2, 2, 2, 2, 64, 64, 64]);
  });

  test('of a server that never answers become fewer, down to one each 1,024 s', () => {
    const all = intervals(40, () => false);
    expect(all.slice(0, 8)).toEqual([2, 4, 8, 16, 32, 64, 64, 64]);
    expect(all.slice(18, 26)).toEqual([64, 64, 128, 256, 512, 1024, 1024, 1024]);
    expect(new Set(all.slice(24))).toEqual(new Set([1024]));
  });

  test('of one that answers at last begin a burst then', () => {
    expect(intervals(14, (index) => index >= 5).slice(4)).toEqual([32, 2, 2, 2, 2, 2, 2, 2, 64, 64]);
  });

  test('come in a burst once in ten minutes at most', () => {
    const first = scheduleAfterAnswer(startSchedule(0), 0, true);
    const over = { ...first, burstLeft: 0 };
    expect(scheduleAfterAnswer(over, 599_999, true).burstLeft).toBe(0);
    expect(scheduleAfterAnswer(over, 600_000, true)).toMatchObject({ burstLeft: 6, burstMs: 600_000 });
  });

  test('are spread by at most a sixteenth', () => {
    const schedule = { ...startSchedule(0), unanswered: 0 };
    expect(scheduleAfterQuestion(schedule, 0, true, 0.999).nextMs).toBeLessThan(68_000);
    expect(scheduleAfterQuestion(schedule, 0, true, 0.5).nextMs).toBe(66_000);
  });
});

describe('a server that asks for less (RATE)', () => {
  test.each([
    ['is asked half as often', 6, 7],
    ['is heard in what it wants', 9, 9],
    ['is not heard beyond what clients do', 17, 10],
    ['is not heard in what is no interval', 127, 10],
    ['is not heard in what would be more', -128, 7],
  ])('%s', (_, wantedLog2, log2) => {
    const schedule = limited(startSchedule(0), wantedLog2);
    expect(schedule.pollLog2).toBe(log2);
    expect(schedule.nextMs).toBe(2 ** log2 * 1000);
  });

  test('again and again ends at 1,024 s', () => {
    let schedule = startSchedule(0);
    const seen = Array.from({ length: 6 }, () => {
      schedule = limited(schedule, 6);
      return schedule.pollLog2;
    });
    expect(seen).toEqual([7, 8, 9, 10, 10, 10]);
  });

  test('gets no burst any more, and is asked no more often when it is silent', () => {
    const schedule = limited(startSchedule(0), 6);
    expect(scheduleAfterAnswer(schedule, 0, true).burstLeft).toBe(0);
    expect(Math.min(...intervals(30, (index) => index % 3 === 0, schedule))).toBe(128);
  });

  test('ends a burst that is under way', () => {
    const inBurst = scheduleAfterAnswer(startSchedule(0), 0, true);
    expect(limited(inBurst, 6)).toMatchObject({ burstLeft: 0, nextMs: 128_000 });
  });
});

test.each([
  [0, 6],
  [6, 6],
  [8, 8],
  [10, 10],
  [99, 10],
])('an interval of 2^%i becomes 2^%i', (wanted, pollLog2) => {
  expect(adaptSchedule(startSchedule(0), 0, wanted).pollLog2).toBe(pollLog2);
  const least = adaptSchedule(limited(startSchedule(0), 8), 0, wanted);
  expect(least.pollLog2).toBe(Math.max(8, pollLog2));
});

test('a shorter interval begins at once, a longer one with the next question', () => {
  const slow = { ...startSchedule(0), pollLog2: 10, nextMs: 900_000 };
  expect(adaptSchedule(slow, 100_000, 6).nextMs).toBe(164_000);
  expect(adaptSchedule({ ...slow, nextMs: 110_000 }, 100_000, 6).nextMs).toBe(110_000);
  expect(adaptSchedule({ ...slow, pollLog2: 6 }, 100_000, 10).nextMs).toBe(900_000);
  const never = { ...slow, nextMs: Number.POSITIVE_INFINITY };
  expect(adaptSchedule(never, 0, 6).nextMs).toBe(Number.POSITIVE_INFINITY);
});
