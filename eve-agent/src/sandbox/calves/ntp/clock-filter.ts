// SPDX-License-Identifier: Apache-2.0
import { FREQUENCY_TOLERANCE, MAX_DISPERSION_MS, type Sample } from './judge-reply.ts';

/** RFC 5905 §7.2 NSTAGE. */
export const FILTER_STAGES = 8;

/** What a server's last samples say together (RFC 5905 §10). */
export interface FilteredSample {
  readonly offsetMs: number;
  readonly delayMs: number;
  readonly dispersionMs: number;
  readonly jitterMs: number;
  /** When the sample came that this is, by the monotonic clock. */
  readonly atMs: number;
}

/** Adds a sample; the oldest goes. Newest first. */
export function shiftSample(samples: readonly Sample[], sample: Sample): Sample[] {
  return [sample, ...samples].slice(0, FILTER_STAGES);
}

/**
 * The clock filter (RFC 5905 §10): the best of the last samples, and how much they differ. Samples that are not there
 * yet count with the greatest dispersion, so that one alone is no good reason to move a clock.
 *
 * The RFC takes the sample of the least delay, whatever its age. Here its dispersion, which grows with its age, is
 * added first: on a link without queues a sample is not better than a new one for a microsecond that it was faster.
 *
 * @param precisionMs of both clocks: no jitter is less
 * @returns null when there is no sample
 */
export function filterSamples(
  samples: readonly Sample[],
  nowMs: number,
  precisionMs: number,
): FilteredSample | null {
  const aged = samples.map((sample) => {
    const age = Math.max(0, nowMs - sample.atMs);
    const dispersionMs = Math.min(sample.dispersionMs + FREQUENCY_TOLERANCE * age, MAX_DISPERSION_MS);
    return { ...sample, dispersionMs };
  });
  const distanceOf = (sample: Sample) => sample.delayMs / 2 + sample.dispersionMs;
  aged.sort((a, b) => distanceOf(a) - distanceOf(b));
  const [best] = aged;
  if (best === undefined) return null;
  let dispersionMs = 0;
  for (let stage = 0; stage < FILTER_STAGES; stage += 1) {
    dispersionMs += (aged[stage]?.dispersionMs ?? MAX_DISPERSION_MS) / 2 ** (stage + 1);
  }
  const squares = aged.reduce((sum, { offsetMs }) => sum + (offsetMs - best.offsetMs) ** 2, 0);
  const jitterMs = Math.max(Math.sqrt(squares / Math.max(1, aged.length - 1)), precisionMs);
  const { offsetMs, delayMs, atMs } = best;
  return { offsetMs, delayMs, dispersionMs, jitterMs, atMs };
}
