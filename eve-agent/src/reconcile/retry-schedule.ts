// SPDX-License-Identifier: Apache-2.0
export interface RetrySchedule {
  /** What the growing delays lead to. */
  readonly steadyMs: number;
  /** For what a datastore refuses: the least wait. EVE's `timer.download.retry`. */
  readonly slowMs: number;
}

const FIRST_DELAY_MS = 1000;

/**
 * How long to wait after a failure: 1, 2, 4 … seconds up to the steady interval, with up to a quarter of it
 * shaved off at random, so that many devices do not come back in step; or what the server asked for, if that
 * is longer.
 *
 * @param failures how many tries have failed in a row; at least 1
 * @param random from 0 to 1
 */
export function decideWaitMs(
  failures: number,
  { steadyMs }: Pick<RetrySchedule, 'steadyMs'>,
  random: number,
  retryAfterMs = 0,
): number {
  // 2^30 s is longer than any interval; more doublings would leave the whole numbers.
  const growingMs = FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 30);
  return Math.max(Math.round(Math.min(growingMs, steadyMs) * (1 - random / 4)), retryAfterMs);
}

/**
 * How long to wait where a datastore refused a file, or sent wrong bytes too often: from one to two times the slow
 * interval, as EVE does.
 *
 * @param random from 0 to 1
 */
export function decideSlowWaitMs({ slowMs }: RetrySchedule, random: number): number {
  return Math.round(slowMs * (1 + random));
}
