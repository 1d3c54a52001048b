// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { waitUnlessAborted } from './clock.ts';
import { describeClockContract } from './clock-contract.ts';
import { createManualClock } from './manual-clock.ts';
import { systemClock } from './system-clock.ts';

describeClockContract('of the system', () => ({
  clock: systemClock,
  async pass(milliseconds) {
    await wait(milliseconds);
    // A process that was held up finds many timers due at once: what the first of them set is due before this one.
    await wait(milliseconds);
  },
}));

describeClockContract('of tests', () => {
  const clock = createManualClock();
  return {
    clock,
    async pass(milliseconds) {
      clock.advance(milliseconds);
    },
  };
});

test('the clock of tests calls back in the order of what is due, whoever asked first', () => {
  const clock = createManualClock();
  const calls: number[] = [];
  for (const delayMs of [6, 2, 4]) clock.after(delayMs, () => calls.push(delayMs));
  clock.advance(10);
  expect(calls).toEqual([2, 4, 6]);
});

test('the clock of tests stands still until it is moved, and says how many timers wait', () => {
  const clock = createManualClock();
  const seenMs: number[] = [];
  const cancel = clock.after(20, () => seenMs.push(clock.nowMs()));
  clock.after(10, () => seenMs.push(clock.nowMs()));
  expect([clock.nowMs(), clock.pendingTimers()]).toEqual([0, 2]);
  clock.advance(9);
  expect([seenMs, clock.nowMs(), clock.pendingTimers()]).toEqual([[], 9, 2]);
  clock.advance(5);
  expect([seenMs, clock.nowMs(), clock.pendingTimers()]).toEqual([[10], 14, 1]);
  cancel();
  expect(clock.pendingTimers()).toBe(0);
});

test('the clock of the system takes a time that is past for now, without a word', async () => {
  const warn = vi.spyOn(process, 'emitWarning');
  await new Promise<void>((resolve) => systemClock.after(-5, resolve));
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});

test('a wait leaves no timer and no listener behind', async () => {
  const clock = createManualClock();
  const controller = new AbortController();
  const waited = waitUnlessAborted(clock, 1000, controller.signal);
  controller.abort();
  await waited;
  expect(clock.pendingTimers()).toBe(0);
});
