// SPDX-License-Identifier: Apache-2.0
import type { Actual, ContentActual, OriginState } from './actual.ts';
import { type Desired, type DesiredContent, isOfSize } from './desired.ts';
import { Occupancy } from './occupancy.ts';
import { type DownloadLimits, type DownloadStep, planDownloads, remainingOf } from './plan-downloads.ts';
import { type LinkStep, nextLinkTryMs, planLinks } from './plan-links.ts';
import { removeUnreferenced, type Unreferenced } from './plan-removal.ts';
import type { Source } from './source.ts';

/** What to do next, as data. */
export type Step =
  | DownloadStep
  | { readonly kind: 'stop'; readonly sha256: string }
  /** Hash a whole file that an earlier run left in `pending`. */
  | { readonly kind: 'verify'; readonly sha256: string }
  /** Read verified content of an earlier run again, as its size is none that is wanted. */
  | { readonly kind: 'recheck'; readonly sha256: string }
  | LinkStep
  /** Everything of this content leaves the disk. */
  | { readonly kind: 'remove'; readonly sha256: string };

export interface PlanLimits extends DownloadLimits {
  /** How long content stays that no configuration refers to. */
  readonly graceMs: number;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** Look again at this time, if nothing happens before; null: only when something happens. */
  readonly wakeAtMs: number | null;
  /** Content that would be fetched now if there were space, and how much it lacks. */
  readonly lacksBytes: ReadonlyMap<string, number>;
}

/** Whether a person has put every tree of some content on hold. */
export function isHeld({ parts }: DesiredContent, { holds }: Actual): boolean {
  return parts.every(({ tree }) => holds.has(tree.uuid));
}

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
        wanted.parts.some(({ sources }) => sources.some(({ key }) => key === activity.source.key));
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
      // Of an image that is not whole some files may be.
      (content.state === 'INITIAL' || (content.state === 'VERIFIED' && isOfImages(wanted))) &&
      content.currentBytes > 0
    ) {
      steps.push({ kind: 'remove', sha256 });
    }
  }

  for (const wanted of desired.contents.values()) {
    const content = actual.contents.get(wanted.sha256);
    if (content === undefined || content.activity !== null) continue;
    if (content.state === 'DOWNLOADED') {
      if (content.promotionWaitUntilMs <= nowMs) steps.push({ kind: 'verify', sha256: wanted.sha256 });
      else wakeAtMs = Math.min(wakeAtMs, content.promotionWaitUntilMs);
    }
    if (isDoubtful(wanted, content)) steps.push({ kind: 'recheck', sha256: wanted.sha256 });
  }

  const downloads = planDownloads({ desired, actual, occupancy, originOf, limits, nowMs });
  const { lacksBytes } = downloads;
  steps.push(...downloads.steps);
  wakeAtMs = Math.min(wakeAtMs, downloads.wakeAtMs);

  const neededBytes = Math.min(...lacksBytes.values());
  const removal = removeUnreferenced(unreferenced, lacksBytes.size === 0 ? 0 : neededBytes, nowMs);
  steps.push(...removal.steps);
  wakeAtMs = Math.min(wakeAtMs, removal.nextExpiryMs);
  return { steps, wakeAtMs: wakeAtMs === Number.POSITIVE_INFINITY ? null : wakeAtMs, lacksBytes };
}

/** Whether a disk that lost the end of a file, and not the configuration, may be why the sizes differ. */
function isDoubtful(
  { parts }: DesiredContent,
  { state, isOfEarlierRun, totalBytes }: ContentActual,
): boolean {
  return state === 'VERIFIED' && isOfEarlierRun && !parts.some((part) => isOfSize(part, totalBytes));
}

const isOfImages = (wanted: DesiredContent | undefined) =>
  wanted?.parts.every(({ tree }) => tree.image !== null) ?? false;

function isCancelled(wanted: DesiredContent | undefined, { holds }: Actual): boolean {
  return wanted?.parts.every(({ tree }) => holds.get(tree.uuid) === 'cancelled') ?? false;
}
