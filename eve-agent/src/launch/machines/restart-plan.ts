// SPDX-License-Identifier: Apache-2.0
import type { RestartPolicy } from '../engine/container-spec.ts';

/** How a machine has ended. */
export interface MachineEnd {
  /** 0: it went off by itself, in order. */
  readonly exitCode: number;
  readonly why: string;
}

export type RestartPlan =
  | { readonly kind: 'stay' }
  | { readonly kind: 'restart'; readonly afterMs: number }
  | { readonly kind: 'give-up'; readonly why: string };

/** So many ends within the time, and it is given up. */
const MAX_ENDS = 6;
const WINDOW_MS = 600_000;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;

/** Those that still count, the last one included. */
export const countedEnds = (endsMs: readonly number[], nowMs: number): number[] =>
  endsMs.filter((endMs) => nowMs - endMs < WINDOW_MS);

/**
 * What to do about a machine that has ended though nobody stopped it.
 *
 * Pure. As Docker's policies say it, but with an end: a guest that comes up and breaks over and over takes a processor
 * from all others.
 *
 * @param endsMs when it has ended, of late, this time included
 * @param restartCount how often it was started again since somebody started it
 */
export function planRestart(
  policy: RestartPolicy,
  { exitCode, why }: MachineEnd,
  endsMs: readonly number[],
  restartCount: number,
): RestartPlan {
  const { Name, MaximumRetryCount = 0 } = policy;
  const isWanted =
    Name === 'always' || Name === 'unless-stopped' || (Name === 'on-failure' && exitCode !== 0);
  if (!isWanted) return { kind: 'stay' };
  if (Name === 'on-failure' && MaximumRetryCount > 0 && restartCount >= MaximumRetryCount) {
    return { kind: 'give-up', why: `it is not started again after ${restartCount} restarts: ${why}` };
  }
  if (endsMs.length >= MAX_ENDS) {
    const minutes = WINDOW_MS / 60_000;
    return { kind: 'give-up', why: `it ended ${endsMs.length} times within ${minutes} minutes: ${why}` };
  }
  const afterMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, endsMs.length - 1));
  return { kind: 'restart', afterMs };
}
