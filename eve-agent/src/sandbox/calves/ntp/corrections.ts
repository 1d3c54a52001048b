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
  /** What the clock was moved by until then. */
  readonly doneMs: number;
  /** What it was then still to be moved by, at {@link SLEW_RATE}. */
  readonly slewMs: number;
  /** How much faster it was made to run than by itself, in parts of a million. */
  readonly frequencyPpm: number;
  /** What that was when the measurement began. */
  readonly baseFrequencyPpm: number;
}

/** Nothing was corrected yet. @param frequencyPpm of the system's clock, as it is */
export function noCorrections(atMs: number, frequencyPpm: number): Corrections {
  return { sinceMs: atMs, doneMs: 0, slewMs: 0, frequencyPpm, baseFrequencyPpm: frequencyPpm };
}

/** What is slewed in so many milliseconds of a slew, with its sign. */
function slewedWithin(slewMs: number, elapsedMs: number): number {
  return Math.sign(slewMs) * Math.min(Math.abs(slewMs), SLEW_RATE * elapsedMs);
}

/** What the clock was moved by until a moment. */
export function correctedMs(corrections: Corrections, atMs: number): number {
  const elapsedMs = Math.max(0, atMs - corrections.sinceMs);
  const byFrequency = (corrections.frequencyPpm - corrections.baseFrequencyPpm) * PPM * elapsedMs;
  return corrections.doneMs + slewedWithin(corrections.slewMs, elapsedMs) + byFrequency;
}

/** What the clock is still being slewed by. */
export function pendingMs({ sinceMs, slewMs }: Corrections, atMs: number): number {
  return slewMs - slewedWithin(slewMs, Math.max(0, atMs - sinceMs));
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
    doneMs: correctedMs(corrections, atMs),
    slewMs: change.slewMs ?? pendingMs(corrections, atMs),
    frequencyPpm: change.frequencyPpm ?? corrections.frequencyPpm,
    baseFrequencyPpm: corrections.baseFrequencyPpm,
  };
}
