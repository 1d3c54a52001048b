// SPDX-License-Identifier: Apache-2.0
import type { BodyReceiver } from './fetch-body.ts';

/** Shares a rate among downloads. */
export interface Pace {
  /** Counts bytes that have arrived. @returns how long to take no more, in milliseconds; 0: go on */
  take(byteCount: number): number;
}

/** What may come at once after a pause: a quarter of a second's worth. */
const BURST_SECONDS = 0.25;

/**
 * @param bytesPerSecond for everything that is counted here
 * @param nowMs a monotonic clock
 */
export function createPace(bytesPerSecond: number, nowMs: () => number): Pace {
  const burstBytes = bytesPerSecond * BURST_SECONDS;
  let credit = burstBytes;
  let creditedMs = nowMs();
  return {
    take(byteCount) {
      const atMs = nowMs();
      credit = Math.min(credit + ((atMs - creditedMs) * bytesPerSecond) / 1000, burstBytes) - byteCount;
      creditedMs = atMs;
      return credit >= 0 ? 0 : Math.ceil((-credit * 1000) / bytesPerSecond);
    },
  };
}

/** A receiver that asks its sender to pause where the pace says so. */
export function paceReceiver(
  receiver: BodyReceiver,
  pace: Pace,
  after: (callback: () => void, delayMs: number) => unknown,
): BodyReceiver {
  let isPausing = false;
  let hasRoom = true;
  let onSpace = () => {};
  return {
    take(bytes) {
      hasRoom = receiver.take(bytes);
      const delayMs = pace.take(bytes.length);
      if (delayMs > 0 && !isPausing) {
        isPausing = true;
        after(() => {
          isPausing = false;
          if (hasRoom) onSpace();
        }, delayMs);
      }
      return hasRoom && !isPausing;
    },
    listen(listener, onFailure) {
      onSpace = listener;
      receiver.listen(() => {
        hasRoom = true;
        if (!isPausing) onSpace();
      }, onFailure);
    },
  };
}
