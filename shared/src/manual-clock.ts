// SPDX-License-Identifier: Apache-2.0
import type { Clock } from './clock.ts';

/** A clock for tests: time stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Runs every timer that is due within the time, in order. */
  advance(milliseconds: number): void;
  pendingTimers(): number;
}

export function createManualClock(): ManualClock {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; callback: () => void }>();
  return {
    nowMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(milliseconds) {
      const endMs = nowMs + milliseconds;
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = next.atMs;
        next.callback();
      }
      nowMs = endMs;
    },
    pendingTimers: () => timers.size,
  };
}
