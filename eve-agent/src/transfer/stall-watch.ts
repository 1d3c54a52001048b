// SPDX-License-Identifier: Apache-2.0
/** Watches that a sender says something, as long as nobody keeps it from sending. */
export interface StallWatch {
  /** Something came. */
  hear(): void;
  stop(): void;
}

/**
 * @param timeoutMs from now on, and from each time that something came
 * @param isPaused whether it is the receiver that wants nothing at the moment
 * @param onStall is called once
 */
export function watchStall(timeoutMs: number, isPaused: () => boolean, onStall: () => void): StallWatch {
  let hearings = 0;
  let lastLook: NodeJS.Immediate | undefined;
  const stall = setTimeout(() => {
    if (isPaused()) {
      stall.refresh();
      return;
    }
    // A process that was held up finds its timers due before it has looked at what came meanwhile.
    const heard = hearings;
    lastLook = setImmediate(() => {
      if (hearings === heard) onStall();
    });
  }, timeoutMs);
  return {
    hear() {
      hearings += 1;
      stall.refresh();
    },
    stop() {
      clearTimeout(stall);
      clearImmediate(lastLook);
    },
  };
}
