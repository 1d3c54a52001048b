// SPDX-License-Identifier: Apache-2.0
/** What truechimers say together: RFC 5905 §11.2.2 and §11.2.3. */

/** RFC 5905 §7.2 MAXDIST: nothing further from its source than this is believed. */
export const MAX_DISTANCE_MS = 1000;
/** RFC 5905 §11.2.2 NMIN: so many are kept, however much they differ. */
const MIN_SURVIVORS = 3;

export interface Truechimer {
  readonly id: string;
  readonly offsetMs: number;
  readonly jitterMs: number;
  readonly rootDistanceMs: number;
  readonly stratum: number;
}

export interface Combination {
  /** The one that is followed in stratum and reference. */
  readonly systemPeer: string;
  /** All that the offset is made of, the system peer first. */
  readonly survivors: readonly string[];
  /** Of all survivors, weighed. */
  readonly offsetMs: number;
  /** Of the system peer alone. */
  readonly peerOffsetMs: number;
  readonly jitterMs: number;
  /** Of the system peer: how far from the truth the offset may be. */
  readonly rootDistanceMs: number;
}

const rootMeanSquare = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / Math.max(1, values.length));

/** How far the others are from one: its selection jitter. */
function selectionJitter(of: Truechimer, all: readonly Truechimer[]): number {
  return rootMeanSquare(all.filter((each) => each !== of).map(({ offsetMs }) => offsetMs - of.offsetMs));
}

/** Casts out who is furthest from the rest, as long as that says more than the jitter of those who stay. */
function cluster(truechimers: readonly Truechimer[]): Truechimer[] {
  const merit = ({ stratum, rootDistanceMs }: Truechimer) => stratum * MAX_DISTANCE_MS + rootDistanceMs;
  const survivors = truechimers.toSorted((a, b) => merit(a) - merit(b));
  while (survivors.length > MIN_SURVIVORS) {
    const jitters = survivors.map((each) => selectionJitter(each, survivors));
    const greatest = Math.max(...jitters);
    const least = Math.min(...survivors.map(({ jitterMs }) => jitterMs));
    if (greatest <= least) break;
    // Of those who are equally far away the one with the least merit.
    survivors.splice(jitters.lastIndexOf(greatest), 1);
  }
  return survivors;
}

/**
 * The offset of several servers, each weighed by how sure it is.
 *
 * @param previous the system peer until now, which is kept while no other is of a better stratum: otherwise two that are
 *   equally good would take turns
 * @returns null: there is none
 */
export function combineSources(
  truechimers: readonly Truechimer[],
  previous: string | null,
): Combination | null {
  const survivors = cluster(truechimers);
  const [best] = survivors;
  if (best === undefined) return null;
  const kept = survivors.find(({ id, stratum }) => id === previous && stratum <= best.stratum);
  const peer = kept ?? best;
  const weights = survivors.map(({ rootDistanceMs }) => 1 / Math.max(rootDistanceMs, Number.EPSILON));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const weighed = (value: (each: Truechimer) => number) =>
    survivors.reduce((sum, each, index) => sum + (value(each) * (weights[index] ?? 0)) / total, 0);
  const spread = selectionJitter(peer, survivors);
  return {
    systemPeer: peer.id,
    survivors: [peer, ...survivors.filter((each) => each !== peer)].map(({ id }) => id),
    offsetMs: weighed(({ offsetMs }) => offsetMs),
    peerOffsetMs: peer.offsetMs,
    jitterMs: Math.hypot(peer.jitterMs, spread),
    rootDistanceMs: peer.rootDistanceMs,
  };
}
