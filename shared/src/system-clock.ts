// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from './clock.ts';

/** The machine's monotonic clock, and Node's timers. */
export const systemClock: Clock = {
  // Not performance.now(), for which Node loads a dozen modules before the first question can be sent.
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  after: (delayMs, callback) => {
    // What fell due while the process was held up: Node warns of a negative delay, in the middle of a log.
    const timer = setTimeout(callback, Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};

/** Waits for a time, or until the signal is aborted; never rejects. */
export const waitFor = (delayMs: number, signal: AbortSignal): Promise<void> =>
  waitUnlessAborted(systemClock, delayMs, signal);
