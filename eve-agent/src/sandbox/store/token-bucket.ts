// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';

/** Lets so many through in a second, and after a quiet one so many at once. */
export interface TokenBucket {
  /** @returns 0 when one may pass, which it then did; else the milliseconds until one may be tried again */
  take(): number;
  /** For one that turned out to be as much work as so many: those that follow wait for it. */
  charge(tokens: number): void;
}

/** @param perSecond at least 1 */
export function createTokenBucket(clock: Clock, perSecond: number): TokenBucket {
  let tokens = perSecond;
  let lastMs = clock.nowMs();
  return {
    take() {
      const nowMs = clock.nowMs();
      tokens = Math.min(perSecond, tokens + ((nowMs - lastMs) / 1000) * perSecond);
      lastMs = nowMs;
      if (tokens < 1) return Math.ceil(((1 - tokens) / perSecond) * 1000);
      tokens -= 1;
      return 0;
    },
    charge(more) {
      tokens -= more;
    },
  };
}
