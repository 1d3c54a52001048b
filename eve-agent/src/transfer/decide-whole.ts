// SPDX-License-Identifier: Apache-2.0
import { TransferError } from './errors.ts';

/** RFC 9110 §15.5: they speak of the file, the credential or the pace, and would to a plain GET as well. */
const NOT_ABOUT_RANGES = new Set([401, 404, 407, 408, 410, 425, 429]);

/**
 * Whether, after this failure, the whole is to be asked for once: a refusal that may be of the range alone. A status
 * that may pass by itself (5xx) has to come twice before, or as the last that is borne, as the stored bytes are lost
 * with the whole; and one that comes with a time to wait speaks of load.
 *
 * @param refusals how many ranges were refused in a row, this one included; at least 1
 * @param maxFailures how many failures in a row are borne
 */
export function mayWantWhole(error: unknown, refusals: number, maxFailures: number): boolean {
  if (!(error instanceof TransferError) || error.code !== 'HTTP_STATUS') return false;
  const { statusCode, retryAfterMs } = error.details;
  if (typeof statusCode !== 'number' || statusCode < 400 || NOT_ABOUT_RANGES.has(statusCode)) return false;
  return !error.retryable || (retryAfterMs === undefined && refusals > Math.min(1, maxFailures));
}
