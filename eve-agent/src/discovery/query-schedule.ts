// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';

/** RFC 6762 §5.2: at least one second before the first repetition, then at least twice as long each time. */
const FIRST_INTERVAL_MS = 1000;
const INTERVAL_FACTOR = 2;
const MAX_INTERVAL_MS = 60 * 60 * 1000;

/**
 * Asks at once and then again at growing intervals (RFC 6762 §5.2). The random delay of 20–120 ms before
 * the first question is for hosts that are all triggered by one event; a person's command is not.
 *
 * @param ask is given the number of the round, from 0
 * @returns a function that ends the repetitions
 */
export function startQuerySchedule(clock: Clock, ask: (round: number) => void): () => void {
  let cancel = () => {};
  const next = (round: number, intervalMs: number) => {
    // The timer stands before the question goes out: `ask` may end the schedule.
    cancel = clock.after(intervalMs, () =>
      next(round + 1, Math.min(intervalMs * INTERVAL_FACTOR, MAX_INTERVAL_MS)),
    );
    ask(round);
  };
  next(0, FIRST_INTERVAL_MS);
  return () => cancel();
}
