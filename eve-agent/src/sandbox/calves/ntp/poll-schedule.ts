// SPDX-License-Identifier: Apache-2.0
/** When a server is asked (RFC 5905 §13), in seconds as powers of two where nothing else is said. */

export const MIN_POLL_LOG2 = 6;
export const MAX_POLL_LOG2 = 10;
/** RFC 5905 §7.2 BTIME: between the questions of a burst. */
const BURST_INTERVAL_MS = 2000;
/** So many more questions make a full filter of the first answer. */
const BURST_QUESTIONS = 7;
/** Between two bursts: a server that changes its mind all the time gets no more questions for that. */
const BURST_PAUSE_MS = 600_000;
/** A server that never answered may be starting: it is asked after 2, 4 … 64 s, for a quarter of an hour each 64 s, … */
const FIRST_TRIES = MIN_POLL_LOG2;
const PATIENT_TRIES = 20;
/** So that the questions of many clients that started together do not stay together. */
const SPREAD = 1 / 16;

/** Where a server stands in its schedule. */
export interface PollSchedule {
  /** By the monotonic clock. Infinite: never, as the server wants it. */
  readonly nextMs: number;
  /** Of a server that answers. */
  readonly pollLog2: number;
  /** Less it may not become: a server asked for less questions (kiss of death, RATE). */
  readonly leastPollLog2: number;
  readonly burstLeft: number;
  /** When the last burst began. */
  readonly burstMs: number;
  /** Questions in a row that nobody answered. */
  readonly unanswered: number;
}

/** Asks at once. */
export function startSchedule(nowMs: number): PollSchedule {
  return {
    nextMs: nowMs,
    pollLog2: MIN_POLL_LOG2,
    leastPollLog2: 0,
    burstLeft: 0,
    burstMs: Number.NEGATIVE_INFINITY,
    unanswered: 0,
  };
}

/** Whether a server was asked to leave it in peace: it gets no bursts any more. */
const isLimited = ({ leastPollLog2 }: PollSchedule) => leastPollLog2 > 0;

function intervalLog2(schedule: PollSchedule, isReachable: boolean): number {
  if (isReachable) return schedule.pollLog2;
  const tries = schedule.unanswered;
  const patience = Math.max(0, tries - PATIENT_TRIES) + FIRST_TRIES;
  return Math.min(tries <= FIRST_TRIES ? Math.max(1, tries) : patience, MAX_POLL_LOG2);
}

/**
 * The schedule after a question.
 *
 * @param random from 0 to below 1
 */
export function scheduleAfterQuestion(
  schedule: PollSchedule,
  nowMs: number,
  isReachable: boolean,
  random: number,
): PollSchedule {
  const unanswered = schedule.unanswered + 1;
  const isBurst = schedule.burstLeft > 0;
  const next = { ...schedule, unanswered, burstLeft: Math.max(0, schedule.burstLeft - 1) };
  const log2 = Math.max(intervalLog2(next, isReachable), schedule.leastPollLog2);
  const intervalMs = isBurst ? BURST_INTERVAL_MS : 2 ** log2 * 1000;
  return { ...next, nextMs: nowMs + intervalMs * (1 + random * SPREAD) };
}

/** The schedule after an answer. @param isNews the server did not answer before, or something else: it is asked in a burst now */
export function scheduleAfterAnswer(schedule: PollSchedule, nowMs: number, isNews: boolean): PollSchedule {
  const answered = { ...schedule, unanswered: 0 };
  if (!isNews || isLimited(schedule) || nowMs - schedule.burstMs < BURST_PAUSE_MS) return answered;
  return { ...answered, burstLeft: BURST_QUESTIONS - 1, burstMs: nowMs, nextMs: nowMs + BURST_INTERVAL_MS };
}

/**
 * The schedule after a kiss of death RATE (RFC 5905 §7.4): at least half as many questions, and no bursts. What the
 * answer says of the interval is heard as far as it is one that clients have.
 */
export function scheduleAfterRate(schedule: PollSchedule, nowMs: number, wantedLog2: number): PollSchedule {
  const wanted = Math.min(wantedLog2, MAX_POLL_LOG2);
  const leastPollLog2 = Math.min(Math.max(schedule.pollLog2 + 1, wanted), MAX_POLL_LOG2);
  const pollLog2 = Math.max(schedule.pollLog2, leastPollLog2);
  return { ...schedule, pollLog2, leastPollLog2, burstLeft: 0, nextMs: nowMs + 2 ** pollLog2 * 1000 };
}

/** The interval that the clock's quality asks for, as far as this server allows it; a shorter one is of now. */
export function adaptSchedule(schedule: PollSchedule, nowMs: number, pollLog2: number): PollSchedule {
  const bounded = Math.min(Math.max(pollLog2, MIN_POLL_LOG2, schedule.leastPollLog2), MAX_POLL_LOG2);
  if (bounded === schedule.pollLog2) return schedule;
  const isNever = schedule.nextMs === Number.POSITIVE_INFINITY;
  const nextMs = isNever ? schedule.nextMs : Math.min(schedule.nextMs, nowMs + 2 ** bounded * 1000);
  return { ...schedule, pollLog2: bounded, nextMs };
}
