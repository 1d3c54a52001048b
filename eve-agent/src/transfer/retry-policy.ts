// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

export interface RetryLimits {
  /** Failures in a row, without a byte of progress, that are borne before giving up. */
  readonly maxFailures: number;
  readonly maxDelayMs: number;
}

const FIRST_DELAY_MS = 1000;

/**
 * Whether what had begun may be tried again after an error. A host without a bridge is set up wrongly; one that had one
 * a moment ago has a link that is down.
 */
export const mayTryAgain = (error: unknown): boolean =>
  error instanceof CodedError && (error.retryable || error.code === 'NO_BRIDGE');

/**
 * How long to wait before the next try: 1, 2, 4 … seconds with up to half of it shaved off at random, so that
 * many devices do not come back in step; or what the server asked for, if that is longer.
 *
 * @param failures how many tries have failed in a row, without progress; at least 1
 * @param random from 0 to 1
 * @returns null when it is time to give up
 */
export function decideRetryDelayMs(
  failures: number,
  limits: RetryLimits,
  random: number,
  retryAfterMs = 0,
): number | null {
  if (failures > limits.maxFailures) return null;
  const ceilingMs = Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), limits.maxDelayMs);
  return Math.max(Math.round(ceilingMs * (1 - random / 2)), retryAfterMs);
}
