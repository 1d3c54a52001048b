// SPDX-License-Identifier: Apache-2.0
/**
 * What the system's clock was moved by since a measurement began, as a function of time: so that what was measured
 * before a correction and after it can be compared, and the error of the frequency shows as a straight line.
 */

/** How fast the kernel slews (adjtime(3)): 0.5 ms in a second. */
export const SLEW_RATE = 500e-6;
const PPM = 1e-6;

/** All of it as of one moment. */
export interface Corrections {
  /** By the monotonic clock. */
  readonly sinceMs: number;
  /** What the clock was slewed by until then. */
  readonly slewedMs: number;
  /** What it was still to be slewed by then, at {@link SLEW_RATE}. */
  readonly slewMs: number;
  /** What it gained until then by another frequency than it had in the beginning. */
  readonly gainedMs: number;
  /** How much faster it is made to run than by itself, in parts of a million. */
  readonly frequencyPpm: number;
  /** What that was in the beginning. */
  readonly baseFrequencyPpm: number;
}

/** Nothing was corrected yet. @param frequencyPpm of the system's clock, as it is */
export function noCorrections(atMs: number, frequencyPpm: number): Corrections {
  const nothing = { slewedMs: 0, slewMs: 0, gainedMs: 0 };
  return { sinceMs: atMs, ...nothing, frequencyPpm, baseFrequencyPpm: frequencyPpm };
}

const elapsedSince = ({ sinceMs }: Corrections, atMs: number) => Math.max(0, atMs - sinceMs);

/** What the clock is still being slewed by. */
export function pendingMs(corrections: Corrections, atMs: number): number {
  const { slewMs } = corrections;
  const doneMs = Math.min(Math.abs(slewMs), SLEW_RATE * elapsedSince(corrections, atMs));
  return slewMs - Math.sign(slewMs) * doneMs;
}

/** What the clock was slewed by until a moment. */
export function slewedMs(corrections: Corrections, atMs: number): number {
  return corrections.slewedMs + corrections.slewMs - pendingMs(corrections, atMs);
}

/** What the clock gained by its frequency until a moment. */
export function gainedMs(corrections: Corrections, atMs: number): number {
  const { frequencyPpm, baseFrequencyPpm } = corrections;
  return corrections.gainedMs + (frequencyPpm - baseFrequencyPpm) * PPM * elapsedSince(corrections, atMs);
}

/**
 * The corrections after another one.
 *
 * @param change a slew takes the place of one that is under way, as in the kernel; what is absent stays
 */
export function correctAgain(
  corrections: Corrections,
  atMs: number,
  change: { readonly slewMs?: number; readonly frequencyPpm?: number },
): Corrections {
  return {
    sinceMs: Math.max(atMs, corrections.sinceMs),
    slewedMs: slewedMs(corrections, atMs),
    slewMs: change.slewMs ?? pendingMs(corrections, atMs),
    gainedMs: gainedMs(corrections, atMs),
    frequencyPpm: change.frequencyPpm ?? corrections.frequencyPpm,
    baseFrequencyPpm: corrections.baseFrequencyPpm,
  };
}
