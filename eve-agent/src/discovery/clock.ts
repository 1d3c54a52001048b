/** Time as discovery needs it: a monotonic reading, and timers that can be taken back. */
export interface Clock {
  /** Milliseconds since an arbitrary moment. */
  nowMs(): number;
  /** Calls back once after a delay. The returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  // Not performance.now(), for which Node loads a dozen modules before the first question can be sent.
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Waits for a time, or until the signal is aborted; never rejects. */
export function waitUnlessAborted(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal.addEventListener('abort', finish);
    if (signal.aborted) finish();
  });
}
