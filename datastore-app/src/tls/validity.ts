// SPDX-License-Identifier: Apache-2.0
import type { Validity } from '@local-datastore/shared/tls/tls-identity';
import { DAY_MS, EARLIEST_NOW_MS, planValidity } from '@local-datastore/shared/tls/validity';

/**
 * A leaf is made anew while the program runs, so its life is only as long as clocks may be apart: that of a
 * device may be half a year ahead of ours. Browsers of one kind take at most 825 days.
 */
const LEAF_DAYS = 366;
const RENEW_DAYS_BEFORE = 183;
/** Where our own clock was never set, as far as it can tell, those of others are years ahead. */
const LEAF_DAYS_WITHOUT_CLOCK = 5 * 366;
/** A leaf that would end about when the present one does is not worth its making. */
const WORTHWHILE_MS = DAY_MS;

/** When a leaf that is made now is good: never longer than its authority. */
export function planLeafValidity(nowMs: number, authorityNotAfter: Date): Validity {
  const days = nowMs < EARLIEST_NOW_MS ? LEAF_DAYS_WITHOUT_CLOCK : LEAF_DAYS;
  return planValidity(days, nowMs, authorityNotAfter);
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
