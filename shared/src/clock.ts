// SPDX-License-Identifier: Apache-2.0
/** Time as programs wait for it: a monotonic reading, and timers that can be taken back. The date is no part of it. */
export interface Clock {
  /** Milliseconds since an arbitrary moment. */
  nowMs(): number;
  /** Calls back once after a delay. The returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

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
