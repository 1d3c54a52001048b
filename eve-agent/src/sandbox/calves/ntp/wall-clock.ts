// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { LocalMoment } from './judge-reply.ts';

export interface WallClockDeps {
  /** Monotonic: it runs as the system's clock does, slewed alike, and is never set. */
  readonly clock: Clock;
  /** The system's clock: whole milliseconds since 1970, never rounded up. */
  readWallMs(): number;
}

/** The system's clock, finer than it is told. */
export interface WallClock {
  now(): LocalMoment;
  /** The clock minus the monotonic one. */
  baseMs(): number;
  /** How finely it is known. */
  precisionMs(): number;
  /** Whether the clock was set, or the machine slept, since this was asked last. */
  hasJumped(): boolean;
}

/** A millisecond begins within one; readings are counted too, in case the clock stands still. */
const SHARPEN_MS = 1.5;
const MAX_READINGS = 5000;
/** No reading is better than what a call takes. */
const LEAST_PRECISION_MS = 0.001;
const NS_PER_MS = 1e6;

/**
 * A clock that tells whole milliseconds, read against the monotonic one: each reading says between which bounds their
 * difference lies, and as that stays the same until the clock is set, the bounds grow narrow. A reading outside of them
 * tells that it was set.
 */
export function createWallClock({ clock, readWallMs }: WallClockDeps): WallClock {
  let least = Number.NEGATIVE_INFINITY;
  let greatest = Number.POSITIVE_INFINITY;
  let hasJumped = false;

  /** @returns whether the reading is of the same clock as those before */
  function read(): boolean {
    const before = clock.nowMs();
    const wallMs = readWallMs();
    const after = clock.nowMs();
    const low = Math.max(least, wallMs - after);
    const high = Math.min(greatest, wallMs + 1 - before);
    if (low > high) return false;
    least = low;
    greatest = high;
    return true;
  }

  /** Reads until a millisecond begins, which tells most. */
  function sharpen(): void {
    for (;;) {
      least = Number.NEGATIVE_INFINITY;
      greatest = Number.POSITIVE_INFINITY;
      const startMs = clock.nowMs();
      let isSame = true;
      for (
        let count = 0;
        isSame && count < MAX_READINGS && clock.nowMs() - startMs < SHARPEN_MS;
        count += 1
      ) {
        isSame = read();
      }
      if (isSame) return;
      // Set in the very moment: again.
    }
  }

  function look(): void {
    if (read()) return;
    hasJumped = true;
    sharpen();
  }

  sharpen();
  const baseMs = () => (least + greatest) / 2;
  return {
    now() {
      look();
      const atMs = clock.nowMs();
      return { atMs, unixNs: BigInt(Math.round((baseMs() + atMs) * NS_PER_MS)) };
    },
    baseMs,
    precisionMs: () => Math.max((greatest - least) / 2, LEAST_PRECISION_MS),
    hasJumped() {
      look();
      const had = hasJumped;
      hasJumped = false;
      return had;
    },
  };
}
