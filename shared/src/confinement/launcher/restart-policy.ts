// SPDX-License-Identifier: Apache-2.0
/** When a calf that ended is started again. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const LONGEST_DELAY_MS = 30 * SECOND_MS;
const DEGRADED_DEATHS = 5;

/** A calf that has run for so long is well: what was before is forgotten. */
export const WELL_AFTER_MS = MINUTE_MS;

export interface RestartRecord {
  /** How often it ended, one soon after the other. */
  readonly failures: number;
  /** When, in milliseconds of the clock: the latest ones, no older than a minute. */
  readonly deaths: readonly number[];
  /** It ended five times in a minute, and has not been well since. */
  readonly isDegraded: boolean;
}

export const NO_FAILURES: RestartRecord = { failures: 0, deaths: [], isDegraded: false };

/**
 * Takes down an end, and says how long to wait: 1 s, 2, 4, 8, 16, then 30.
 *
 * @param ranMs how long it had run
 */
export function judgeEnd(
  record: RestartRecord,
  nowMs: number,
  ranMs: number,
): { readonly record: RestartRecord; readonly delayMs: number } {
  const { failures, deaths, isDegraded } = ranMs >= WELL_AFTER_MS ? NO_FAILURES : record;
  const recent = [...deaths, nowMs].filter((at) => nowMs - at < MINUTE_MS).slice(-DEGRADED_DEATHS);
  return {
    record: {
      failures: failures + 1,
      deaths: recent,
      isDegraded: isDegraded || recent.length >= DEGRADED_DEATHS,
    },
    delayMs: Math.min(SECOND_MS * 2 ** failures, LONGEST_DELAY_MS),
  };
}
