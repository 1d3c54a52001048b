// SPDX-License-Identifier: Apache-2.0
import type { Actual, ContentActual, OriginState } from './actual.ts';
import {
  type Candidate,
  candidatesOf,
  chooseSource,
  findBetterSource,
  isPromising,
} from './choose-source.ts';
import type { Desired, DesiredContent } from './desired.ts';
import type { Occupancy, OccupancyLimits } from './occupancy.ts';
import { SlowDownloads } from './slow-downloads.ts';
import type { Source } from './source.ts';

export type DownloadStep =
  /** Ask by multicast DNS whether a datastore is there, so that no download has to wait for it. */
  | { readonly kind: 'probe'; readonly source: Source }
  | {
      readonly kind: 'download';
      readonly sha256: string;
      readonly source: Source;
      /** 0: not known. */
      readonly sizeBytes: number;
    }
  /** End a download that is too slow: another one needs its slot, or another source promises more. */
  | { readonly kind: 'yield'; readonly sha256: string };

export interface DownloadLimits extends OccupancyLimits {
  /** After that many wrong digests from one source the next one is tried (EVE's `blob.download.max.retries`). */
  readonly maxMismatches: number;
  /** How long a download that is too slow keeps its slot for the first time when others are as slow. */
  readonly slowTurnMs: number;
}

export interface DownloadFacts {
  readonly desired: Desired;
  readonly actual: Actual;
  /** With what is under way. What is begun is added. */
  readonly occupancy: Occupancy;
  originOf(source: Source): OriginState;
  readonly limits: DownloadLimits;
  readonly nowMs: number;
}

export interface DownloadPlan {
  readonly steps: readonly DownloadStep[];
  /** Look again at this time, if nothing happens before; infinite: only when something happens. */
  readonly wakeAtMs: number;
  /** Content that would be fetched now if there were space, and how much it lacks. */
  readonly lacksBytes: ReadonlyMap<string, number>;
}

/** How much of a file is not here, by the size that is known, or else stated. */
export const remainingOf = ({ totalBytes, currentBytes }: ContentActual, sizeBytes: number) =>
  Math.max((totalBytes ?? sizeBytes) - currentBytes, 0);

/** Which downloads begin, and which give way. Pure, but for the occupancy. */
export function planDownloads(facts: DownloadFacts): DownloadPlan {
  return new DownloadPlanner(facts).plan();
}

class DownloadPlanner {
  readonly #facts: DownloadFacts;
  readonly #slow: SlowDownloads;
  readonly #steps: DownloadStep[] = [];
  readonly #probed = new Set<string>();
  readonly #lacksBytes = new Map<string, number>();
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(facts: DownloadFacts) {
    this.#facts = facts;
    this.#slow = new SlowDownloads(facts.actual.contents.values(), facts.limits.slowTurnMs);
  }

  plan(): DownloadPlan {
    const { actual, limits, originOf, nowMs } = this.#facts;
    for (const { wanted, content } of this.#inTurn()) {
      const candidates = candidatesOf(wanted, actual);
      const choice = chooseSource(candidates, content, originOf, limits.maxMismatches, nowMs);
      if (choice.kind === 'wait') this.#wakeAt(choice.untilMs);
      else this.#begin(content, choice.candidate);
    }
    for (const { content, turnEndMs } of this.#slow.staying()) this.#lookElsewhere(content, turnEndMs);
    return { steps: this.#steps, wakeAtMs: this.#wakeAtMs, lacksBytes: this.#lacksBytes };
  }

  #wakeAt(atMs: number): void {
    this.#wakeAtMs = Math.min(this.#wakeAtMs, atMs);
  }

  /** What waits for a download, the longest first; alike in the order of the configuration. */
  #inTurn() {
    const { desired, actual } = this.#facts;
    const idle: { readonly wanted: DesiredContent; readonly content: ContentActual }[] = [];
    for (const wanted of desired.contents.values()) {
      const content = actual.contents.get(wanted.sha256);
      if (content?.activity === null && content.state === 'INITIAL') idle.push({ wanted, content });
    }
    return idle.sort((left, right) => left.content.waitingSinceMs - right.content.waitingSinceMs);
  }

  /** @returns whether there is an answer, as far as that has to be known before a download */
  #isFound(source: Source, origin: OriginState): boolean {
    if (!origin.isLocal || origin.status === 'found' || origin.status === 'reachable') return true;
    if (origin.status === 'unknown' && !this.#probed.has(origin.origin)) {
      this.#steps.push({ kind: 'probe', source });
    }
    this.#probed.add(origin.origin);
    return false;
  }

  #begin(content: ContentActual, { source, sizeBytes }: Candidate): void {
    const { occupancy, originOf, nowMs } = this.#facts;
    const { sha256 } = content;
    const origin = originOf(source);
    if (!this.#isFound(source, origin)) return;
    const remainingBytes = remainingOf(content, sizeBytes);
    if (!occupancy.hasSlot(origin, remainingBytes)) {
      const mayDoBetter = isPromising(content.sources.get(source.key));
      const room = this.#slow.makeRoom(occupancy, { origin, remainingBytes, mayDoBetter }, nowMs);
      // It begins once the slot is free; nobody else gets it until then.
      if (room.isFound) occupancy.add(sha256, origin.origin, remainingBytes);
      if (room.sha256 !== null) this.#steps.push({ kind: 'yield', sha256: room.sha256 });
      this.#wakeAt(room.laterMs);
    } else if (remainingBytes > occupancy.freeBytes) {
      this.#lacksBytes.set(sha256, remainingBytes - occupancy.freeBytes);
    } else {
      occupancy.add(sha256, origin.origin, remainingBytes);
      this.#steps.push({ kind: 'download', sha256, source, sizeBytes });
    }
  }

  /** For content that comes too slowly. */
  #lookElsewhere(content: ContentActual, turnEndMs: number): void {
    const { desired, actual, occupancy, originOf, nowMs } = this.#facts;
    const { activity, sha256 } = content;
    const wanted = desired.contents.get(sha256);
    if (wanted === undefined || activity?.kind !== 'download') return;
    if (activity.slowBytesPerSecond === null) return;
    const hadTurn = turnEndMs <= nowMs;
    if (!hadTurn) this.#wakeAt(turnEndMs);
    const inUse = { source: activity.source, bytesPerSecond: activity.slowBytesPerSecond, hadTurn };
    const better = findBetterSource(candidatesOf(wanted, actual), content, inUse, originOf, nowMs);
    if (better === null) return;
    const origin = originOf(better.source);
    if (!this.#isFound(better.source, origin)) return;
    if (occupancy.yieldSlot(sha256, origin, remainingOf(content, better.sizeBytes))) {
      this.#steps.push({ kind: 'yield', sha256 });
    }
  }
}
