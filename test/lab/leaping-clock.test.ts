// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { describeClockContract } from '../../shared/src/clock-contract.ts';
import { createLeapingClock } from './leaping-clock.ts';

describeClockContract('that leaps', () => ({
  clock: createLeapingClock(),
  async pass(milliseconds) {
    await wait(milliseconds);
    // As for the clock of the system: what a timer that was late has set is due before this one.
    await wait(milliseconds);
  },
}));

it('has what a leap passed over called back, in its order', async () => {
  const clock = createLeapingClock();
  const calls: string[] = [];
  const later = new Promise<void>((resolve) => {
    clock.after(7_200_000, () => {
      calls.push('later');
      resolve();
    });
  });
  clock.after(3_600_000, () => calls.push('sooner'));
  const before = clock.nowMs();
  clock.leap(7_200_000);
  expect(clock.nowMs() - before).toBeGreaterThanOrEqual(7_200_000);
  await later;
  expect(calls).toEqual(['sooner', 'later']);
});
