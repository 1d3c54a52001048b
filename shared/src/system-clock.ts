import type { Clock } from './clock.ts';

/** The machine's monotonic clock, and Node's timers. */
export const systemClock: Clock = {
  // Not performance.now(), for which Node loads a dozen modules before the first question can be sent.
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
