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
 * The key of the authority lies beside that of the leaf, so a shorter life would protect nothing; a longer one
 * bears clocks that are years apart.
 */
const LEAF_YEARS = 5;
const RENEW_YEARS_BEFORE = 1;
/** A leaf that would end about when the present one does is not worth its making. */
const WORTHWHILE_MS = 24 * 3600 * 1000;

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
  const notAfter = yearsAfter(LEAF_YEARS, Math.max(nowMs, EARLIEST_NOW_MS));
  return { notBefore: NOT_BEFORE, notAfter: notAfter < authorityNotAfter ? notAfter : authorityNotAfter };
}

/** Whether it is time for a new leaf, and one that is made now would last longer. */
export function isLeafDue(nowMs: number, leafNotAfter: Date, authorityNotAfter: Date): boolean {
  if (yearsAfter(RENEW_YEARS_BEFORE, nowMs) < leafNotAfter) return false;
  const next = planLeafValidity(nowMs, authorityNotAfter).notAfter;
  return next.getTime() - leafNotAfter.getTime() > WORTHWHILE_MS;
}
