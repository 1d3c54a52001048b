// SPDX-License-Identifier: Apache-2.0
import { type Corrections, gainedMs, pendingMs, slewedMs } from './corrections.ts';
import { fitLine, isBent, type Line, type Point } from './fit-line.ts';
import { MAX_POLL_LOG2, MIN_POLL_LOG2 } from './poll-schedule.ts';

/** RFC 5905 §7.2 STEPT: what is further off is not slewed. */
export const STEP_THRESHOLD_MS = 128;
/** RFC 5905 §7.2 WATCH: so long it has to be further off before that is believed. */
const STEP_OUT_MS = 300_000;
/** RFC 5905 §7.2: no clock of a computer is further from its frequency. */
export const MAX_FREQUENCY_PPM = 500;

const MAX_POINTS = 32;
/** Fewer measurements, and shorter ones, say nothing of the frequency. */
const MIN_POINTS = 6;
const MIN_SPAN_MS = 240_000;
const PPM = 1e-6;
/** In standard deviations: a measurement that is further from the line counts for itself. */
const ON_LINE = 3;
/** In standard deviations: a measurement that is further from the line is not of it. */
const FAR_OFF = 8;
/** In standard errors: a slope that differs by less from the present frequency is chance. */
const SURE = 2;
/** RFC 5905 §7.2 PGATE and LIMIT: when the interval of the questions becomes longer, and shorter. */
const POLL_GATE = 4;
const POLL_LIMIT = 30;

/** What was measured of the server that is followed, and of those beside it. */
export interface Measurement {
  /** When its sample came, by the monotonic clock. */
  readonly atMs: number;
  /** Against the clock as it would be if nothing had been slewed. */
  readonly offsetMs: number;
  /**
   * What the offset of all together is more than that. Their samples are of other moments, between which a clock of
   * unknown frequency goes astray by more than they differ.
   */
  readonly othersMs: number;
  readonly jitterMs: number;
}

export interface DisciplineState {
  /** How often the clock may still be stepped at once. None: it was slewed, and what is far off is waited out. */
  readonly stepsLeft: number;
  /** The last measurement that was looked at. */
  readonly lastMs: number;
  /** What was measured since the last jump, against the clock as it would be without any correction; oldest first. */
  readonly points: readonly Point[];
  /** Since when the offset is too great to be slewed; null: it is not. */
  readonly spikeSinceMs: number | null;
  /** Whether the last measurement was off the line of those before by far: the next one tells whether it was chance. */
  readonly isAstray: boolean;
  /** Of the last measurement that was followed. */
  readonly jitterMs: number;
  /** Whether the frequency was measured since this began. */
  readonly knowsFrequency: boolean;
  readonly pollLog2: number;
  /** RFC 5905 §13: above or below zero, as the interval is to grow or to shrink. */
  readonly pollTendency: number;
}

/** What the system's clock should be corrected by. */
export interface Correction {
  /** What it is to be moved by now, with what it is still being slewed by. */
  readonly offsetMs: number;
  /** What its frequency is to be from now on, in all; a positive one makes it run faster. */
  readonly frequencyPpm: number;
}

/** What is strange is asked about soon. */
const ASK_SOON = { pollLog2: MIN_POLL_LOG2, pollTendency: 0 };

/** The first step is as good as the first answers, which came to a machine that was starting. */
const FIRST_STEPS = 3;

export const newDiscipline: DisciplineState = {
  stepsLeft: FIRST_STEPS,
  lastMs: Number.NEGATIVE_INFINITY,
  points: [],
  spikeSinceMs: null,
  isAstray: false,
  jitterMs: 0,
  knowsFrequency: false,
  pollLog2: MIN_POLL_LOG2,
  pollTendency: 0,
};

/** The newest points that lie on one line. */
function withoutOldBend(points: readonly Point[]): { points: readonly Point[]; line: Line | null } {
  let kept = points;
  for (;;) {
    const line = fitLine(kept);
    if (line === null || kept.length <= MIN_POINTS || !isBent(kept, line)) return { points: kept, line };
    kept = kept.slice(Math.max(1, Math.floor(kept.length / 4)));
  }
}

/** Whether a measurement is off the line of those before by more than noise ever is. */
function isFarOff({ points, jitterMs }: DisciplineState, point: Point): boolean {
  const line = points.length < MIN_POINTS ? null : fitLine(points);
  if (line === null) return false;
  return Math.abs(point.y - line.at(point.x)) > FAR_OFF * Math.max(line.deviation, jitterMs);
}

/** The frequency by the slope, if that differs from the present one by more than chance. */
function frequencyOf(line: Line, corrections: Corrections): number {
  const wantedPpm = corrections.baseFrequencyPpm + line.slope / PPM;
  const isSure = Math.abs(wantedPpm - corrections.frequencyPpm) > (SURE * line.slopeError) / PPM;
  if (!isSure) return corrections.frequencyPpm;
  return Math.min(Math.max(wantedPpm, -MAX_FREQUENCY_PPM), MAX_FREQUENCY_PPM);
}

/** RFC 5905 §13: a quiet clock is asked for less often. */
function adaptPoll(state: DisciplineState, innovationMs: number, jitterMs: number) {
  const isQuiet = Math.abs(innovationMs) < POLL_GATE * jitterMs;
  const tendency = state.pollTendency + (isQuiet ? state.pollLog2 : -2 * state.pollLog2);
  if (tendency > POLL_LIMIT) {
    return { pollTendency: 0, pollLog2: Math.min(state.pollLog2 + 1, MAX_POLL_LOG2) };
  }
  if (tendency < -POLL_LIMIT) {
    return { pollTendency: 0, pollLog2: Math.max(state.pollLog2 - 1, MIN_POLL_LOG2) };
  }
  return { pollTendency: tendency, pollLog2: state.pollLog2 };
}

/**
 * What follows from a measurement. The offsets against a clock that nobody corrects lie on a line: its slope is the
 * error of the frequency, its end the offset. A single measurement that is far off is waited out (RFC 5905 §11.3): a
 * queue on the way, a server that is being set. One that stays is told, and priv decides.
 *
 * @param corrections what the clock was moved by until now
 * @returns correction null: there is nothing to correct, as the measurement is none that is new, or not believed yet
 */
export function disciplineClock(
  state: DisciplineState,
  measurement: Measurement,
  corrections: Corrections,
  nowMs: number,
): { readonly state: DisciplineState; readonly correction: Correction | null } {
  const { atMs, jitterMs } = measurement;
  if (atMs <= state.lastMs) return { state, correction: null };
  const { frequencyPpm } = corrections;
  const slewedNowMs = slewedMs(corrections, nowMs);
  const offsetMs = measurement.offsetMs - slewedNowMs;
  const seen = { ...state, lastMs: atMs };
  if (state.stepsLeft > 0) return { state: seen, correction: { offsetMs, frequencyPpm } };

  // What is being slewed away already is no news.
  const innovationMs = offsetMs - pendingMs(corrections, nowMs);
  if (Math.abs(innovationMs) > STEP_THRESHOLD_MS) {
    const spikeSinceMs = state.spikeSinceMs ?? nowMs;
    const isBelieved = nowMs - spikeSinceMs >= STEP_OUT_MS;
    // What was measured before is of another time.
    const points = isBelieved ? [] : state.points;
    const correction = isBelieved ? { offsetMs, frequencyPpm } : null;
    return { state: { ...seen, ...ASK_SOON, spikeSinceMs, points }, correction };
  }

  const point = { x: atMs, y: measurement.offsetMs + gainedMs(corrections, atMs) };
  if (isFarOff(state, point) && !state.isAstray) {
    return { state: { ...seen, ...ASK_SOON, spikeSinceMs: null, isAstray: true }, correction: null };
  }
  // Twice in a row it is no chance: the servers were set, and a line through that would be none.
  const before = isFarOff(state, point) ? [] : state.points;
  const { points, line } = withoutOldBend([...before, point].slice(-MAX_POINTS));
  const next = {
    ...seen,
    spikeSinceMs: null,
    isAstray: false,
    points,
    ...adaptPoll(state, innovationMs, jitterMs),
  };
  if (line === null || points.length < MIN_POINTS) {
    return { state: next, correction: { offsetMs, frequencyPpm } };
  }
  const isLong = (points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0) >= MIN_SPAN_MS;
  const isOnLine = Math.abs(point.y - line.at(atMs)) <= ON_LINE * line.deviation;
  const ownMs = isOnLine ? line.at(nowMs) - gainedMs(corrections, nowMs) - slewedNowMs : offsetMs;
  return {
    state: { ...next, knowsFrequency: state.knowsFrequency || isLong },
    correction: {
      offsetMs: state.knowsFrequency ? ownMs + measurement.othersMs : ownMs,
      frequencyPpm: isLong ? frequencyOf(line, corrections) : frequencyPpm,
    },
  };
}
