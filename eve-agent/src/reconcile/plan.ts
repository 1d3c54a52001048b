import type { Actual, ContentActual, OriginState } from './actual.ts';
import { candidatesOf, chooseSource, findBetterSource, isPromising } from './choose-source.ts';
import { type Desired, type DesiredContent, isOfSize } from './desired.ts';
import { Occupancy, type OccupancyLimits } from './occupancy.ts';
import { type LinkStep, nextLinkTryMs, planLinks } from './plan-links.ts';
import { removeUnreferenced, type Unreferenced } from './plan-removal.ts';
import { SlowDownloads } from './slow-downloads.ts';
import type { Source } from './source.ts';

/** What to do next, as data. */
export type Step =
  /** Ask by multicast DNS whether a datastore is there, so that no download has to wait for it. */
  | { readonly kind: 'probe'; readonly source: Source }
  | {
      readonly kind: 'download';
      readonly sha256: string;
      readonly source: Source;
      /** 0: not known. */
      readonly sizeBytes: number;
    }
  | { readonly kind: 'stop'; readonly sha256: string }
  /** End a download that is too slow: another one needs its slot, or another source promises more. */
  | { readonly kind: 'yield'; readonly sha256: string }
  /** Hash a whole file that an earlier run left in `pending`. */
  | { readonly kind: 'verify'; readonly sha256: string }
  /** Read verified content of an earlier run again, as its size is none that is wanted. */
  | { readonly kind: 'recheck'; readonly sha256: string }
  | LinkStep
  /** Everything of this content leaves the disk. */
  | { readonly kind: 'remove'; readonly sha256: string };

export interface PlanLimits extends OccupancyLimits {
  /** After that many wrong digests from one source the next one is tried (EVE's `blob.download.max.retries`). */
  readonly maxMismatches: number;
  /** How long content stays that no configuration refers to. */
  readonly graceMs: number;
  /** How long a download that is too slow keeps its slot for the first time when others are as slow. */
  readonly slowTurnMs: number;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** Look again at this time, if nothing happens before; null: only when something happens. */
  readonly wakeAtMs: number | null;
  /** Content that would be fetched now if there were space, and how much it lacks. */
  readonly lacksBytes: ReadonlyMap<string, number>;
}

/** Whether a person has put every tree of some content on hold. */
export function isHeld({ trees }: DesiredContent, { holds }: Actual): boolean {
  return trees.every(({ uuid }) => holds.has(uuid));
}

const remainingOf = ({ totalBytes, currentBytes }: ContentActual, sizeBytes: number) =>
  Math.max((totalBytes ?? sizeBytes) - currentBytes, 0);

/**
 * Compares what should be with what is.
 *
 * Pure. Its cost grows with the number of trees and contents, and not faster.
 *
 * @param originOf what is known of a source's origin
 */
export function planSteps(
  desired: Desired,
  actual: Actual,
  originOf: (source: Source) => OriginState,
  limits: PlanLimits,
  freeBytes: number,
  nowMs: number,
): Plan {
  const steps: Step[] = [...planLinks(desired, actual, nowMs)];
  const lacksBytes = new Map<string, number>();
  const occupancy = new Occupancy(limits, freeBytes);
  const unreferenced: Unreferenced[] = [];
  let wakeAtMs = nextLinkTryMs(actual, nowMs);

  for (const content of actual.contents.values()) {
    const { activity, sha256 } = content;
    const wanted = desired.contents.get(sha256);
    const isWanted = wanted !== undefined && !isHeld(wanted, actual);
    if (activity?.kind === 'download') {
      occupancy.add(sha256, activity.source.originKey, remainingOf(content, content.totalBytes ?? 0));
      // The way there must still be configured; that its own tree is held does not matter.
      const isKnown =
        isWanted &&
        wanted.trees.some(({ sources }) => sources.some(({ key }) => key === activity.source.key));
      if (!isKnown && !activity.abort.signal.aborted) steps.push({ kind: 'stop', sha256 });
    } else if (activity === null && wanted === undefined) {
      unreferenced.push({
        sha256,
        sizeBytes: content.currentBytes,
        expiresAtMs: (content.unreferencedAtMs ?? nowMs) + limits.graceMs,
      });
    } else if (
      activity === null &&
      isCancelled(wanted, actual) &&
      content.state === 'INITIAL' &&
      content.currentBytes > 0
    ) {
      steps.push({ kind: 'remove', sha256 });
    }
  }

  const slowDownloads = new SlowDownloads(actual.contents.values(), limits.slowTurnMs);
  const probed = new Set<string>();
  /** @returns whether there is an answer, as far as that has to be known before a download */
  const isFound = (source: Source, origin: OriginState): boolean => {
    if (!origin.isLocal || origin.status === 'found' || origin.status === 'reachable') return true;
    if (origin.status === 'unknown' && !probed.has(origin.origin)) steps.push({ kind: 'probe', source });
    probed.add(origin.origin);
    return false;
  };
  for (const { wanted, content } of inTurn(desired, actual)) {
    if (content.state === 'DOWNLOADED') {
      if (content.promotionWaitUntilMs <= nowMs) steps.push({ kind: 'verify', sha256: wanted.sha256 });
      else wakeAtMs = Math.min(wakeAtMs, content.promotionWaitUntilMs);
    }
    if (isDoubtful(wanted, content)) steps.push({ kind: 'recheck', sha256: wanted.sha256 });
    if (content.state !== 'INITIAL') continue;
    const choice = chooseSource(candidatesOf(wanted, actual), content, originOf, limits.maxMismatches, nowMs);
    if (choice.kind === 'wait') {
      wakeAtMs = Math.min(wakeAtMs, choice.untilMs);
      continue;
    }
    const { source, sizeBytes } = choice.candidate;
    const origin = originOf(source);
    if (!isFound(source, origin)) continue;
    const remainingBytes = remainingOf(content, sizeBytes);
    if (!occupancy.hasSlot(origin, remainingBytes)) {
      const mayDoBetter = isPromising(content.sources.get(source.key));
      const room = slowDownloads.makeRoom(occupancy, { origin, remainingBytes, mayDoBetter }, nowMs);
      if (room.isFound) occupancy.add(wanted.sha256, origin.origin, remainingBytes);
      if (room.sha256 !== null) steps.push({ kind: 'yield', sha256: room.sha256 });
      wakeAtMs = Math.min(wakeAtMs, room.laterMs);
      continue;
    }
    if (remainingBytes > occupancy.freeBytes) {
      lacksBytes.set(wanted.sha256, remainingBytes - occupancy.freeBytes);
      continue;
    }
    occupancy.add(wanted.sha256, origin.origin, remainingBytes);
    steps.push({ kind: 'download', sha256: wanted.sha256, source, sizeBytes });
  }

  for (const { content, turnEndMs } of slowDownloads.staying()) {
    const { activity, sha256 } = content;
    const wanted = desired.contents.get(sha256);
    if (wanted === undefined || activity?.kind !== 'download' || activity.slowBytesPerSecond === null)
      continue;
    const hadTurn = turnEndMs <= nowMs;
    if (!hadTurn) wakeAtMs = Math.min(wakeAtMs, turnEndMs);
    const inUse = { source: activity.source, bytesPerSecond: activity.slowBytesPerSecond, hadTurn };
    const better = findBetterSource(candidatesOf(wanted, actual), content, inUse, originOf, nowMs);
    if (better === null) continue;
    const origin = originOf(better.source);
    if (!isFound(better.source, origin)) continue;
    if (occupancy.yieldSlot(sha256, origin, remainingOf(content, better.sizeBytes))) {
      steps.push({ kind: 'yield', sha256 });
    }
  }

  const neededBytes = Math.min(...lacksBytes.values());
  const removal = removeUnreferenced(unreferenced, lacksBytes.size === 0 ? 0 : neededBytes, nowMs);
  steps.push(...removal.steps);
  wakeAtMs = Math.min(wakeAtMs, removal.nextExpiryMs);
  return { steps, wakeAtMs: wakeAtMs === Number.POSITIVE_INFINITY ? null : wakeAtMs, lacksBytes };
}

/** What is wanted and idle, who waits longest first; alike in the order of the configuration. */
function inTurn({ contents }: Desired, actual: Actual) {
  const idle: { readonly wanted: DesiredContent; readonly content: ContentActual }[] = [];
  for (const wanted of contents.values()) {
    const content = actual.contents.get(wanted.sha256);
    if (content?.activity === null) idle.push({ wanted, content });
  }
  return idle.sort((left, right) => left.content.waitingSinceMs - right.content.waitingSinceMs);
}

/** Whether a disk that lost the end of a file, and not the configuration, may be why the sizes differ. */
function isDoubtful(
  { trees }: DesiredContent,
  { state, isOfEarlierRun, totalBytes }: ContentActual,
): boolean {
  return state === 'VERIFIED' && isOfEarlierRun && !trees.some((tree) => isOfSize(tree, totalBytes));
}

function isCancelled(wanted: DesiredContent | undefined, { holds }: Actual): boolean {
  return wanted?.trees.every(({ uuid }) => holds.get(uuid) === 'cancelled') ?? false;
}
