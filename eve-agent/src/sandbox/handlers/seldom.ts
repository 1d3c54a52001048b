// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';

const SAY_AGAIN_MS = 600_000;

/** Does what has the same name once in ten minutes: a calf that was taken over fills no log. */
export function createSeldom(clock: Clock): (name: string, act: () => void) => void {
  /** When each was done last. */
  const lastMs = new Map<string, number>();
  return (name, act) => {
    const nowMs = clock.nowMs();
    if (nowMs - (lastMs.get(name) ?? Number.NEGATIVE_INFINITY) < SAY_AGAIN_MS) return;
    lastMs.set(name, nowMs);
    act();
  };
}
