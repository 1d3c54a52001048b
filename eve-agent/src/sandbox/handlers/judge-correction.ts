// SPDX-License-Identifier: Apache-2.0
import type { OfferedCorrection } from '../keys/ntp-keys.ts';

/** RFC 5905 §7.2 STEPT: up to so much is slewed, more is set. */
export const STEP_THRESHOLD_MS = 128;
/** RFC 5905 §7.2 PANICT: what a clock that was right once is not moved by at once, as ntpd and others have it. */
const PANIC_MS = 1_000_000;
/** RFC 5905 §7.2: no crystal of a computer is further off. */
export const MAX_FREQUENCY_PPM = 500;
/** What is less sure is no time: twice RFC 5905's greatest distance of a source, for what it grew by since. */
const MAX_ERROR_MS = 2000;
const MAX_AGE_MS = 10_000;
/** Moments are told in text, rounded. */
const AGE_TOLERANCE_MS = 0.01;
/** How exactly both sides know where the clock stands against the monotonic one. */
const WALL_TOLERANCE_MS = 50;
/** Corrections come with answers of servers, at least 2 s apart of each: more of them want something else. */
const MIN_INTERVAL_MS = 500;
/** Steps cost a clock that was right once as much as they move it; what they cost comes back within 30 days. */
const BUDGET_MS = PANIC_MS;
const BUDGET_REFILL = BUDGET_MS / (30 * 86_400_000);
const DAY_MS = 86_400_000;

/** What a clock may be set to. Milliseconds since 1970. */
export interface ClockPolicy {
  /** When this program was built, or what is known to be later: no time is before it. */
  readonly earliestUnixMs: number;
  /** No time that this program sees is after it. */
  readonly latestUnixMs: number;
  /** How far back the first correction may go from a time that can be. Default a day: a clock that has local time. */
  readonly maxBackwardMs?: number;
}

/** What priv remembers between corrections. */
export interface ClockTrust {
  /** Whether the clock was right once, be it by another program or before a restart of this one. */
  readonly wasRight: boolean;
  readonly lastSequence: number;
  /** When a correction was last looked at, by the monotonic clock. */
  readonly lastMs: number;
  /** What steps may still move it by, as of then. */
  readonly budgetMs: number;
}

export type RefusalReason =
  /** No correction, or with numbers that cannot be. */
  | 'malformed'
  /** One before it was not answered that long ago. */
  | 'too-often'
  /** Measured too long ago, in the future, or against a clock that was set since. */
  | 'stale'
  /** The servers are too far from the truth themselves. */
  | 'uncertain'
  /** A frequency that no crystal is off by. */
  | 'frequency'
  /** The time would be before this program was built, or after all that it will see. */
  | 'impossible-time'
  /** The first correction would go back too far from a time that can be. */
  | 'backward'
  /** The clock was right once, and is not 1,000 s off. */
  | 'panic'
  /** The clock was right once, and its steps together would be more than it may move by. */
  | 'steps';

/** What is done to the clock. */
export interface Movement {
  readonly kind: 'step' | 'slew';
  readonly byMs: number;
  /** Of the clock, in all. */
  readonly frequencyPpm: number;
}

export type Verdict =
  | Movement
  | { readonly kind: 'refuse'; readonly reason: RefusalReason }
  /** It was answered before. */
  | { readonly kind: 'ignore' };

/** @param wasRight whether the kernel says that the clock is right, when priv starts */
export function newTrust(wasRight: boolean): ClockTrust {
  return { wasRight, lastSequence: 0, lastMs: Number.NEGATIVE_INFINITY, budgetMs: BUDGET_MS };
}

/**
 * What priv does with what the calf says, which may be anything.
 *
 * A clock that was never right is set once, to any time that can be: forward as far as that goes, as a dead battery
 * leaves it in the past; back by a day at most, unless it shows a time that cannot be. From then on nobody moves it
 * without bound, be it a calf that was taken over or servers that all lie: by slews of 128 ms, which the kernel does at
 * 500 parts of a million; by steps below 1,000 s, of which all together are no more than that in 30 days; and at a
 * frequency within 500 parts of a million.
 *
 * @param offered null: what came is none
 * @param frequencyPpm what the calf wants it to be; null: it said nothing, or what is no number
 */
export function judgeCorrection(
  trust: ClockTrust,
  offered: OfferedCorrection | null,
  frequencyPpm: number | null,
  now: { readonly monotonicMs: number; readonly unixMs: number },
  policy: ClockPolicy,
): { readonly trust: ClockTrust; readonly verdict: Verdict } {
  const refuse = (reason: RefusalReason, next: ClockTrust = trust) => ({
    trust: next,
    verdict: { kind: 'refuse' as const, reason },
  });
  if (offered === null) return refuse('malformed');
  const { sequence, offsetMs, errorMs, jitterMs, atMs, wallBaseMs } = offered;
  if (sequence <= trust.lastSequence) return { trust, verdict: { kind: 'ignore' } };
  const { monotonicMs, unixMs } = now;
  const elapsedMs = monotonicMs - trust.lastMs;
  if (elapsedMs < MIN_INTERVAL_MS) return refuse('too-often');
  const budgetMs = Math.min(trust.budgetMs + BUDGET_REFILL * Math.max(0, elapsedMs), BUDGET_MS);
  const seen = { ...trust, lastSequence: sequence, lastMs: monotonicMs, budgetMs };

  if (frequencyPpm === null || errorMs < 0 || jitterMs < 0) return refuse('malformed', seen);
  const ageMs = monotonicMs - atMs;
  const isOfThisClock = Math.abs(unixMs - monotonicMs - wallBaseMs) <= WALL_TOLERANCE_MS;
  if (ageMs < -AGE_TOLERANCE_MS || ageMs > MAX_AGE_MS || !isOfThisClock) return refuse('stale', seen);
  if (errorMs > MAX_ERROR_MS) return refuse('uncertain', seen);
  if (Math.abs(frequencyPpm) > MAX_FREQUENCY_PPM) return refuse('frequency', seen);

  const canBe = (time: number) => time >= policy.earliestUnixMs && time <= policy.latestUnixMs;
  if (!canBe(unixMs + offsetMs)) return refuse('impossible-time', seen);
  const isStep = Math.abs(offsetMs) > STEP_THRESHOLD_MS;
  const right = { ...seen, wasRight: true };
  const verdict = { kind: isStep ? ('step' as const) : ('slew' as const), byMs: offsetMs, frequencyPpm };
  if (!isStep) return { trust: right, verdict };
  if (!trust.wasRight) {
    const isTooFarBack = canBe(unixMs) && -offsetMs > (policy.maxBackwardMs ?? DAY_MS);
    return isTooFarBack ? refuse('backward', seen) : { trust: right, verdict };
  }
  if (Math.abs(offsetMs) >= PANIC_MS) return refuse('panic', seen);
  if (Math.abs(offsetMs) > budgetMs) return refuse('steps', seen);
  return { trust: { ...right, budgetMs: budgetMs - Math.abs(offsetMs) }, verdict };
}
