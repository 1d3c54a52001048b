import type { Validity } from './issue-certificates.ts';

/**
 * Devices without a network may start in 1970, and those that are told the time later live with any other
 * until then: what the built-in authority makes has no beginning.
 */
const NOT_BEFORE = new Date(0);

/** Nobody starts this program earlier: a clock that says so is wrong, and must not make short-lived certificates. */
const EARLIEST_NOW_MS = Date.UTC(2026, 0, 1);

const AUTHORITY_YEARS = 20;
/**
 * A leaf is made anew while the program runs, so its life is only as long as clocks may be apart: that of a
 * device may be half a year ahead of ours. Browsers of one kind take at most 825 days.
 */
const LEAF_DAYS = 366;
const RENEW_DAYS_BEFORE = 183;
/** Where our own clock was never set, as far as it can tell, those of others are years ahead. */
const LEAF_DAYS_WITHOUT_CLOCK = 5 * 366;
const DAY_MS = 24 * 3600 * 1000;
/** A leaf that would end about when the present one does is not worth its making. */
const WORTHWHILE_MS = DAY_MS;

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

/** When a leaf that is made now is good: never longer than its authority. */
export function planLeafValidity(nowMs: number, authorityNotAfter: Date): Validity {
  const notAfter =
    nowMs < EARLIEST_NOW_MS
      ? daysAfter(LEAF_DAYS_WITHOUT_CLOCK, EARLIEST_NOW_MS)
      : daysAfter(LEAF_DAYS, nowMs);
  return { notBefore: NOT_BEFORE, notAfter: notAfter < authorityNotAfter ? notAfter : authorityNotAfter };
}

/** Whether it is time for a new leaf: one that is made now would last longer, or not longer than is needed. */
export function isLeafDue(nowMs: number, leafNotAfter: Date, authorityNotAfter: Date): boolean {
  const next = planLeafValidity(nowMs, authorityNotAfter).notAfter;
  const lifeMs = leafNotAfter.getTime() - nowMs;
  // Made by a clock that was not set yet.
  const isTooLong = nowMs >= EARLIEST_NOW_MS && leafNotAfter.getTime() - next.getTime() > WORTHWHILE_MS;
  const isShort = nowMs >= EARLIEST_NOW_MS && lifeMs <= RENEW_DAYS_BEFORE * DAY_MS;
  return isTooLong || (isShort && next.getTime() - leafNotAfter.getTime() > WORTHWHILE_MS);
}
