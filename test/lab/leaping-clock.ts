// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../shared/src/clock.ts';
import { systemClock } from '../../shared/src/system-clock.ts';

/** The machine's clock for tests against real programs: it can be set forward, as if time had gone by. */
export interface LeapingClock extends Clock {
  /** All timers are so much nearer. */
  leap(milliseconds: number): void;
}

export function createLeapingClock(): LeapingClock {
  let leaptMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly callback: () => void; cancel: () => void }>();
  const nowMs = () => systemClock.nowMs() + leaptMs;
  function arm(timer: { readonly atMs: number; readonly callback: () => void; cancel: () => void }): void {
    timer.cancel = systemClock.after(Math.max(timer.atMs - nowMs(), 0), () => {
      timers.delete(timer);
      timer.callback();
    });
  }
  return {
    nowMs,
    after(delayMs, callback) {
      const timer = { atMs: nowMs() + delayMs, callback, cancel: () => {} };
      timers.add(timer);
      arm(timer);
      return () => {
        timer.cancel();
        timers.delete(timer);
      };
    },
    leap(milliseconds) {
      leaptMs += milliseconds;
      // Anew in the order in which they are due.
      for (const timer of [...timers].sort((left, right) => left.atMs - right.atMs)) {
        timer.cancel();
        arm(timer);
      }
    },
  };
}
