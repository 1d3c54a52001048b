// SPDX-License-Identifier: Apache-2.0
import { type ContentActual, type Failure, type OriginState, sourceStateOf } from './actual.ts';
import type { Judgement } from './judge-failure.ts';
import { decideSlowWaitMs, decideWaitMs, type RetrySchedule } from './retry-schedule.ts';
import type { Source } from './source.ts';

export interface OutcomeFacts {
  readonly schedule: RetrySchedule;
  readonly maxMismatches: number;
  /** Of the clock of the waits. */
  readonly nowMs: number;
  /** Milliseconds since the epoch. */
  readonly wallMs: number;
  /** From 0 to 1. */
  readonly random: number;
}

function failureOf({ code, message }: Judgement, isRefused: boolean, atMs: number): Failure {
  return { code, message, atMs, severity: isRefused ? 'SEVERITY_ERROR' : 'SEVERITY_NOTICE' };
}

/** Records that the way to a datastore failed. @returns how long it is left alone */
export function recordOriginFailure(origin: OriginState, judgement: Judgement, facts: OutcomeFacts): number {
  origin.status = 'unknown';
  origin.failures += 1;
  origin.retryCount += 1;
  origin.failure = failureOf(judgement, false, facts.wallMs);
  const inARow =
    judgement.datastore === 'silent' ? Math.min(origin.failures, MAX_SILENT_FAILURES) : origin.failures;
  const waitMs =
    judgement.remedy === 'retry'
      ? decideWaitMs(inARow, facts.schedule, facts.random, judgement.retryAfterMs)
      : facts.schedule.steadyMs;
  origin.waitUntilMs = facts.nowMs + waitMs;
  return waitMs;
}

/** That many different files without a proper answer, and nothing in between, and it is no longer the files. */
export const SEVERAL_FILES = 3;

/** So it is asked for one file every four seconds at least: the next one may be the first good one of many. */
const MAX_SILENT_FAILURES = 3;

/**
 * Records what the failure of one file shows of its datastore. One that is silent for one file alone is asked for
 * others: they must not wait behind that one.
 *
 * @returns how long the datastore is left alone; null: it is not
 */
export function recordDatastore(
  origin: OriginState,
  sha256: string,
  judgement: Judgement,
  facts: OutcomeFacts,
): number | null {
  switch (judgement.datastore) {
    case 'gone':
      return recordOriginFailure(origin, judgement, facts);
    case 'answered':
      recordResponse(origin);
      return null;
    case 'silent': {
      if (!isSilent(origin)) origin.unanswered.add(sha256);
      if (!isSilent(origin)) return null;
      const message = `${SEVERAL_FILES} or more files in a row got no proper answer from ${origin.origin}`;
      return recordOriginFailure(origin, { ...judgement, message }, facts);
    }
    case 'unknown':
      return null;
  }
}

/** Whether a datastore that can be reached counts as failed, as it answers for no file. */
export const isSilent = ({ unanswered }: OriginState) => unanswered.size >= SEVERAL_FILES;

/**
 * Records that one file could not be had from one source.
 *
 * @param hadProgress whether more of it is here than before: then the count of failures in a row starts again
 * @param address where the bytes came from; null: none came
 * @returns how long this source is left alone
 */
export function recordSourceFailure(
  content: ContentActual,
  { key }: Source,
  judgement: Judgement,
  { hadProgress, address }: { readonly hadProgress: boolean; readonly address: string | null },
  facts: OutcomeFacts,
): number {
  const state = sourceStateOf(content, key);
  const { schedule, maxMismatches, random, nowMs, wallMs } = facts;
  content.retryCount += 1;
  let waitMs: number;
  let isRefused = judgement.remedy === 'retry-slowly';
  if (judgement.remedy === 'mismatch') {
    state.mismatches += 1;
    if (address !== null) state.avoidedAddresses.add(address);
    isRefused = state.mismatches >= maxMismatches;
    waitMs = isRefused
      ? decideSlowWaitMs(schedule, random)
      : decideWaitMs(state.mismatches, schedule, random);
  } else if (isRefused) {
    state.failures += 1;
    waitMs = decideSlowWaitMs(schedule, random);
  } else {
    state.failures = hadProgress ? 1 : state.failures + 1;
    waitMs =
      judgement.remedy === 'retry'
        ? decideWaitMs(state.failures, schedule, random, judgement.retryAfterMs)
        : schedule.steadyMs;
  }
  state.waitUntilMs = nowMs + waitMs;
  state.failure = failureOf(judgement, isRefused, wallMs);
  content.failure = state.failure;
  return waitMs;
}

/** Records that a source sent so little that others went first. It may go on as soon as nobody does. */
export function recordSlowness(
  content: ContentActual,
  { key }: Source,
  bytesPerSecond: number,
  judgement: Judgement,
  { wallMs }: OutcomeFacts,
): void {
  const state = sourceStateOf(content, key);
  content.retryCount += 1;
  state.slow = { bytesPerSecond, turns: (state.slow?.turns ?? 0) + 1 };
  state.failure = failureOf(judgement, false, wallMs);
  content.failure = state.failure;
}

/** A datastore answered by HTTP: whatever failed before is over. */
export function recordResponse(origin: OriginState): void {
  origin.status = 'reachable';
  origin.failures = 0;
  origin.retryCount = 0;
  origin.waitUntilMs = 0;
  origin.failure = null;
  origin.unanswered.clear();
}
