// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { BodyReceiver } from './fetch-body.ts';

/** What a sender has to keep up, as long as nobody keeps it from sending. */
export interface LeastRate {
  /** 0: nothing. */
  readonly bytesPerSecond: number;
  /** It is looked at over so long. */
  readonly windowMs: number;
}

/** A moment of a transfer. */
export interface RateSample {
  /** How long the sender was free to send, since the first byte. */
  readonly freeMs: number;
  /** What has come. */
  readonly byteCount: number;
}

/**
 * The rate over the last window.
 *
 * @param samples in order
 * @returns bytes a second; null: they do not reach over a window yet
 */
export function measureRate(samples: readonly RateSample[], windowMs: number): number | null {
  const last = samples.at(-1);
  const first = samples.findLast(({ freeMs }) => last !== undefined && last.freeMs - freeMs >= windowMs);
  if (last === undefined || first === undefined) return null;
  return ((last.byteCount - first.byteCount) * 1000) / (last.freeMs - first.freeMs);
}

/** Another connection is tried in place of a slow one. */
export class SlowConnection extends Error {}

/** How often a window is looked at. */
const SAMPLES_PER_WINDOW = 6;

export interface RateWatch {
  /** Stands for the receiver that is watched. */
  readonly receiver: BodyReceiver;
  stop(): void;
}

/**
 * Watches how fast a body comes. Time in which the receiver itself has asked for a pause, since the disk or a rate
 * limit wants one, does not count.
 *
 * @param onChange is told the rate when it falls below the least one, and null when it no longer is; with a
 *   function that ends the transfer with an error
 */
export function watchRate(
  receiver: BodyReceiver,
  { bytesPerSecond, windowMs }: LeastRate,
  clock: Clock,
  onChange: (slowBytesPerSecond: number | null, abandon: (error: Error) => void) => void,
): RateWatch {
  if (bytesPerSecond === 0) return { receiver, stop() {} };
  let samples: RateSample[] = [];
  let byteCount = 0;
  let freeMs = 0;
  let atMs = 0;
  let isPaused = false;
  let isSlow = false;
  let abandon: (error: Error) => void = () => {};
  let cancel: (() => void) | null = null;

  function passTime(): void {
    const nowMs = clock.nowMs();
    if (!isPaused) freeMs += nowMs - atMs;
    atMs = nowMs;
  }
  function sample(): void {
    passTime();
    if (samples.at(-1)?.freeMs === freeMs) samples.pop();
    samples.push({ freeMs, byteCount });
    const rate = measureRate(samples, windowMs);
    if (rate !== null) {
      // What lies before the window is never looked at again.
      samples = samples.filter(({ freeMs: thenMs }) => freeMs - thenMs <= windowMs * 2);
      if (rate < bytesPerSecond !== isSlow) {
        isSlow = !isSlow;
        onChange(isSlow ? rate : null, abandon);
      }
    }
    cancel = clock.after(windowMs / SAMPLES_PER_WINDOW, sample);
  }

  return {
    receiver: {
      take(bytes) {
        if (cancel === null) {
          atMs = clock.nowMs();
          sample();
        }
        byteCount += bytes.length;
        const hasRoom = receiver.take(bytes);
        if (!hasRoom && !isPaused) {
          passTime();
          isPaused = true;
        }
        return hasRoom;
      },
      listen(onSpace, onFailure) {
        abandon = onFailure;
        receiver.listen(() => {
          if (isPaused) {
            passTime();
            isPaused = false;
          }
          onSpace();
        }, onFailure);
      },
    },
    stop() {
      cancel?.();
      cancel = () => {};
    },
  };
}
