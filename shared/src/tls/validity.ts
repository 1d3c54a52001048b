// SPDX-License-Identifier: Apache-2.0
import type { Validity } from './tls-identity.ts';

/**
 * Devices without a network may start in 1970, and those that are told the time later live with any other
 * until then: what an authority of ours makes has no beginning.
 */
const NOT_BEFORE = new Date(0);

/** Nobody starts these programs earlier: a clock that says so is wrong, and must not make short-lived certificates. */
export const EARLIEST_NOW_MS = Date.UTC(2026, 0, 1);

const AUTHORITY_YEARS = 20;
export const DAY_MS = 24 * 3600 * 1000;

/** A certificate counts whole seconds. */
const daysAfter = (days: number, ms: number): Date =>
  new Date(Math.floor((ms + days * DAY_MS) / 1000) * 1000);

function yearsAfter(years: number, ms: number): Date {
  const date = new Date(ms);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  // A certificate counts whole seconds.
  date.setUTCMilliseconds(0);
  return date;
}

/** When an authority that is made now is good. */
export function planAuthorityValidity(nowMs: number): Validity {
  return { notBefore: NOT_BEFORE, notAfter: yearsAfter(AUTHORITY_YEARS, Math.max(nowMs, EARLIEST_NOW_MS)) };
}

/** When a certificate that is made now is good, for so many days: never longer than its authority. */
export function planValidity(days: number, nowMs: number, authorityNotAfter: Date): Validity {
  const notAfter = daysAfter(days, Math.max(nowMs, EARLIEST_NOW_MS));
  return { notBefore: NOT_BEFORE, notAfter: notAfter < authorityNotAfter ? notAfter : authorityNotAfter };
}
