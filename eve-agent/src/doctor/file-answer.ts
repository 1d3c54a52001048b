// SPDX-License-Identifier: Apache-2.0
import { decideResponse, type ResponseDecision } from '../transfer/decide-response.ts';
import type { Evidence } from './evidence.ts';
import type { Exchange } from './observations.ts';

export type Answered = Extract<Exchange, { kind: 'answered' }>;

/** The answer to the request for the whole file, when it was the file. */
export function fileAnswer({ whole }: Pick<Evidence, 'whole'>): Answered | null {
  return whole?.kind === 'answered' && whole.statusCode === 200 ? whole : null;
}

/** The answer to the request for a later part; null: not asked, or not answered. */
export function partAnswer({ part }: Pick<Evidence, 'part'>): Answered | null {
  return part?.kind === 'answered' ? part : null;
}

/**
 * What a download makes of the answer to the request for the whole file; null: nothing was answered. The size that
 * the user expects is judged by a check of its own.
 */
export function judgeWhole({
  whole,
  given,
  target,
}: Pick<Evidence, 'whole' | 'given' | 'target'>): ResponseDecision | null {
  if (whole?.kind !== 'answered') return null;
  return decideResponse(whole.statusCode, whole.headers, expectation({ given, target }), whole.receivedAtMs);
}

function expectation({ given, target }: Pick<Evidence, 'given' | 'target'>) {
  const url = `${target?.url.origin}${target?.url.pathname}`;
  // A size tells as well as a digest whether all has arrived.
  const isDigestKnown = given.digest !== null || given.sizeBytes !== null;
  return { url, position: 0, stored: null, expectedBytes: null, isDigestKnown };
}

/** The coding of the file, for which a download refuses it, as the server names it; null: it is not refused for that. */
export function refusedCoding(evidence: Pick<Evidence, 'whole' | 'given' | 'target'>): string | null {
  const { whole } = evidence;
  if (whole?.kind !== 'answered' || judgeWhole(evidence)?.kind !== 'fail') return null;
  const { 'content-encoding': coding, ...others } = whole.headers;
  const uncoded: Exchange = { ...whole, headers: others };
  if (coding === undefined || judgeWhole({ ...evidence, whole: uncoded })?.kind !== 'store') return null;
  return [coding].flat().join(', ');
}
