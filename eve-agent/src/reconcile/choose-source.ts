// SPDX-License-Identifier: Apache-2.0
import type { Actual, ContentActual, OriginState, SourceState } from './actual.ts';
import type { DesiredContent } from './desired.ts';
import type { Source } from './source.ts';

/** A place to fetch content from, with the size that its tree states. */
export interface Candidate {
  readonly source: Source;
  readonly sizeBytes: number;
}

export type Choice =
  | { readonly kind: 'use'; readonly candidate: Candidate }
  | { readonly kind: 'wait'; readonly untilMs: number };

/** Who has failed so often in a row will probably fail again. */
const HOPELESS_FAILURES = 3;
/** Below this it is not worth to leave one slow source for another one. */
const MUCH_FASTER = 2;

/** The sources of content, in the order of its trees; without those of trees that are on hold. */
export function* candidatesOf({ parts }: DesiredContent, { holds }: Actual): Generator<Candidate> {
  for (const { tree, sources, sizeBytes } of parts) {
    if (!holds.has(tree.uuid)) for (const source of sources) yield { source, sizeBytes };
  }
}

/** When a source may be asked. */
function readyAtMs(content: ContentActual, { key }: Source, origin: OriginState): number {
  return Math.max(content.sources.get(key)?.waitUntilMs ?? 0, origin.waitUntilMs);
}

/** Whether a source was not too slow, and does not fail each time, as far as that is known. */
export function isPromising(state: SourceState | undefined): boolean {
  return (
    state === undefined || (state.slow === null && state.failures + state.mismatches < HOPELESS_FAILURES)
  );
}

/**
 * The first source that may be tried now, or when one may. Those that were too slow come after all others, the
 * fastest first. One that sent wrong bytes too often, which would also cost what is here from others, comes last,
 * and only when the others are no hope.
 */
export function chooseSource(
  candidates: Iterable<Candidate>,
  content: ContentActual,
  originOf: (source: Source) => OriginState,
  maxMismatches: number,
  nowMs: number,
): Choice {
  let untilMs = Number.POSITIVE_INFINITY;
  let usedUp: Candidate | null = null;
  let slow: Candidate | null = null;
  let slowRate = Number.NEGATIVE_INFINITY;
  let isHopeful = false;
  for (const candidate of candidates) {
    const { source } = candidate;
    const state = content.sources.get(source.key);
    const origin = originOf(source);
    const atMs = readyAtMs(content, source, origin);
    const isDue = atMs <= nowMs;
    if (!isDue) untilMs = Math.min(untilMs, atMs);
    const rate = state?.slow?.bytesPerSecond;
    if (state !== undefined && state.mismatches >= maxMismatches) {
      if (isDue) usedUp ??= candidate;
    } else if (isDue && rate === undefined) {
      return { kind: 'use', candidate };
    } else if (isDue && rate !== undefined) {
      if (rate > slowRate) [slow, slowRate] = [candidate, rate];
    } else {
      const isRefused = state?.failure?.severity === 'SEVERITY_ERROR';
      isHopeful ||= !isRefused && Math.max(state?.failures ?? 0, origin.failures) < HOPELESS_FAILURES;
    }
  }
  if (slow !== null) return { kind: 'use', candidate: slow };
  return usedUp === null || isHopeful ? { kind: 'wait', untilMs } : { kind: 'use', candidate: usedUp };
}

/**
 * Another source that promises more than the slow one in use: it was never slow, or is much faster as far as that
 * is known; and nothing failed there, unless the one in use has had its turn.
 */
export function findBetterSource(
  candidates: Iterable<Candidate>,
  content: ContentActual,
  inUse: { readonly source: Source; readonly bytesPerSecond: number; readonly hadTurn: boolean },
  originOf: (source: Source) => OriginState,
  nowMs: number,
): Candidate | null {
  for (const candidate of candidates) {
    const { source } = candidate;
    const state = content.sources.get(source.key);
    const origin = originOf(source);
    if (source.key === inUse.source.key || readyAtMs(content, source, origin) > nowMs) continue;
    const hasFailed = origin.failures > 0 || (state?.failure ?? null) !== null;
    if ((state?.mismatches ?? 0) > 0 || (hasFailed && state?.slow == null && !inUse.hadTurn)) continue;
    const rate = state?.slow?.bytesPerSecond ?? Number.POSITIVE_INFINITY;
    if (rate > inUse.bytesPerSecond * MUCH_FASTER) return candidate;
  }
  return null;
}
