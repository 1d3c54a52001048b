// SPDX-License-Identifier: Apache-2.0
import type { ContentActual, OriginState } from './actual.ts';
import type { Occupancy } from './occupancy.ts';

interface SlowDownload {
  readonly content: ContentActual;
  readonly startedMs: number;
  /** Until then it does not make room for what is known to be as slow, or to fail. */
  readonly turnEndMs: number;
  /** Told to go already. */
  isLeaving: boolean;
}

/** What comes of the wish for a slot. */
export interface Room {
  readonly isFound: boolean;
  /** The download that has to be told to go; null: it was told already, or none can help. */
  readonly sha256: string | null;
  /** When more of them may go; infinite: not by time alone. */
  readonly laterMs: number;
}

/** With the first turn of half a minute, two hours. */
const MAX_DOUBLINGS = 8;

/**
 * The downloads under way that stay below the least rate: they hold their slots only while nobody else needs them.
 *
 * Whoever may do better takes such a slot at once. Those that were as slow, or fail each time, have to wait for the
 * end of a turn, each of which is twice as long as the same content's last: so also a file from a datastore that
 * can only begin anew gets to its end.
 */
export class SlowDownloads {
  readonly #all: SlowDownload[] = [];

  /** @param turnMs how long the first turn is */
  constructor(contents: Iterable<ContentActual>, turnMs: number) {
    for (const content of contents) {
      const { activity } = content;
      if (activity?.kind !== 'download') continue;
      const isLeaving = activity.abort.signal.aborted;
      if (activity.slowBytesPerSecond === null && !isLeaving) continue;
      const turns = content.sources.get(activity.source.key)?.slow?.turns ?? 0;
      const turnEndMs = activity.startedMs + turnMs * 2 ** Math.min(turns, MAX_DOUBLINGS);
      this.#all.push({ content, startedMs: activity.startedMs, turnEndMs, isLeaving });
    }
    const rank = ({ isLeaving, startedMs }: SlowDownload) =>
      isLeaving ? Number.NEGATIVE_INFINITY : startedMs;
    this.#all.sort((left, right) => rank(left) - rank(right));
  }

  /** Those that were not told to go. */
  staying(): readonly Pick<SlowDownload, 'content' | 'turnEndMs'>[] {
    return this.#all.filter(({ isLeaving }) => !isLeaving);
  }

  /**
   * Finds a slot for content that waits, and gives it that one.
   *
   * @param mayDoBetter whether it is not known to be as slow, or to fail, where it would come from
   */
  makeRoom(
    occupancy: Occupancy,
    waiting: { readonly origin: OriginState; readonly remainingBytes: number; readonly mayDoBetter: boolean },
    nowMs: number,
  ): Room {
    let laterMs = Number.POSITIVE_INFINITY;
    for (const slow of this.#all) {
      const { content, turnEndMs, isLeaving } = slow;
      if (!waiting.mayDoBetter && !isLeaving && turnEndMs > nowMs) {
        laterMs = Math.min(laterMs, turnEndMs);
        continue;
      }
      if (!occupancy.yieldSlot(content.sha256, waiting.origin, waiting.remainingBytes)) continue;
      slow.isLeaving = true;
      return { isFound: true, sha256: isLeaving ? null : content.sha256, laterMs };
    }
    return { isFound: false, sha256: null, laterMs };
  }
}
