// SPDX-License-Identifier: Apache-2.0
/** Which servers tell the time: RFC 5905 §11.2.1, the intersection algorithm. */

/** What a server says, as an interval in which the time must be if the server is right. */
export interface Candidate {
  readonly id: string;
  readonly offsetMs: number;
  /** Half the interval's length: how far off the offset may be. */
  readonly rootDistanceMs: number;
}

export interface Selection {
  /** Those whose offset lies in the intersection, in the order of the candidates; empty: there is no majority. */
  readonly truechimers: readonly string[];
  /** The intersection of the intervals of a majority; null: there is none. */
  readonly interval: { readonly lowMs: number; readonly highMs: number } | null;
}

/** An end of an interval, or its middle. */
interface Edge {
  readonly atMs: number;
  readonly kind: -1 | 0 | 1;
}

/**
 * The intersection algorithm: the smallest interval that holds a point of each of the most candidates, if they are more
 * than half, and that also holds the offsets of all but so few. Falsetickers are the rest, as long as they are fewer
 * than half: two that disagree leave nobody to be believed.
 */
export function selectTruechimers(candidates: readonly Candidate[]): Selection {
  const edges = candidates
    .flatMap(({ offsetMs, rootDistanceMs }): Edge[] => [
      { atMs: offsetMs - rootDistanceMs, kind: -1 },
      { atMs: offsetMs, kind: 0 },
      { atMs: offsetMs + rootDistanceMs, kind: 1 },
    ])
    // Intervals that touch have a point in common: what begins stands before what ends.
    .sort((a, b) => a.atMs - b.atMs || a.kind - b.kind);
  const count = candidates.length;

  for (let falsetickers = 0; 2 * falsetickers < count; falsetickers += 1) {
    let middles = 0;
    const findEnd = (inOrder: readonly Edge[], opens: -1 | 1): number | null => {
      let chime = 0;
      for (const { atMs, kind } of inOrder) {
        if (kind === opens) chime += 1;
        else if (kind === 0) middles += 1;
        else chime -= 1;
        if (chime >= count - falsetickers) return atMs;
      }
      return null;
    };
    const lowMs = findEnd(edges, -1);
    const highMs = findEnd(edges.toReversed(), 1);
    if (lowMs === null || highMs === null || middles > falsetickers || lowMs > highMs) continue;
    const isIn = ({ offsetMs }: Candidate) => offsetMs >= lowMs && offsetMs <= highMs;
    return { truechimers: candidates.filter(isIn).map(({ id }) => id), interval: { lowMs, highMs } };
  }
  return { truechimers: [], interval: null };
}
