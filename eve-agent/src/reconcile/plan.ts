import type { Actual, ContentActual, OriginState } from './actual.ts';
import type { Desired, DesiredContent, DesiredTree } from './desired.ts';
import { removeUnreferenced, type Unreferenced } from './plan-removal.ts';
import type { Source } from './source.ts';

/** What to do next, as data. */
export type Step =
  /** Ask by multicast DNS whether a datastore is there, so that no download has to wait for it. */
  | { readonly kind: 'probe'; readonly source: Source }
  | {
      readonly kind: 'download';
      readonly sha256: string;
      readonly source: Source;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'stop'; readonly sha256: string }
  /** Hash a whole file that an earlier run left in `pending`. */
  | { readonly kind: 'verify'; readonly sha256: string }
  /** Read verified content of an earlier run again, as its size is none that is wanted. */
  | { readonly kind: 'recheck'; readonly sha256: string }
  | { readonly kind: 'link'; readonly sha256: string; readonly name: string }
  | { readonly kind: 'unlink'; readonly name: string }
  /** Everything of this content leaves the disk. */
  | { readonly kind: 'remove'; readonly sha256: string };

export interface PlanLimits {
  readonly maxDownloads: number;
  readonly maxDownloadsPerDatastore: number;
  /** What needs no more than this counts as small; one slot is never given to anything larger. */
  readonly smallBytes: number;
  /** After that many wrong digests from one source the next one is tried (EVE's `blob.download.max.retries`). */
  readonly maxMismatches: number;
  /** How long content stays that no configuration refers to. */
  readonly graceMs: number;
  /** Never filled by downloads. */
  readonly marginBytes: number;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** Look again at this time, if nothing happens before; null: only when something happens. */
  readonly wakeAtMs: number | null;
  /** Content that would be fetched now if there were space, and how much it lacks. */
  readonly lacksBytes: ReadonlyMap<string, number>;
}

/** A place to fetch content from, with the size that its tree states. */
interface Candidate {
  readonly source: Source;
  readonly sizeBytes: number;
}

/** Whether a person has put every tree of some content on hold. */
export function isHeld({ trees }: DesiredContent, { holds }: Actual): boolean {
  return trees.every(({ uuid }) => holds.has(uuid));
}

function* candidatesOf({ trees }: DesiredContent, { holds }: Actual): Generator<Candidate> {
  for (const { uuid, sources, sizeBytes } of trees) {
    if (!holds.has(uuid)) for (const source of sources) yield { source, sizeBytes };
  }
}

/** The slots and the space that downloads take. */
class Occupancy {
  readonly #limits: PlanLimits;
  readonly #perOrigin = new Map<string, { all: number; large: number }>();
  #all = 0;
  #large = 0;
  freeBytes: number;

  constructor(limits: PlanLimits, freeBytes: number) {
    this.#limits = limits;
    this.freeBytes = freeBytes - limits.marginBytes;
  }

  #of(origin: string) {
    const known = this.#perOrigin.get(origin) ?? { all: 0, large: 0 };
    this.#perOrigin.set(origin, known);
    return known;
  }

  add(origin: string, remainingBytes: number): void {
    const counts = this.#of(origin);
    this.#all += 1;
    counts.all += 1;
    if (remainingBytes > this.#limits.smallBytes) {
      this.#large += 1;
      counts.large += 1;
    }
    this.freeBytes -= remainingBytes;
  }

  isFull(): boolean {
    return this.#all >= this.#limits.maxDownloads;
  }

  hasSlot({ origin, status }: OriginState, remainingBytes: number): boolean {
    const { maxDownloads, maxDownloadsPerDatastore, smallBytes } = this.#limits;
    const counts = this.#of(origin);
    // One download tries whether a datastore answers at all; the others follow.
    const maxHere = status === 'reachable' ? maxDownloadsPerDatastore : 1;
    if (this.isFull() || counts.all >= maxHere) return false;
    if (remainingBytes <= smallBytes) return true;
    return (
      this.#large < Math.max(maxDownloads - 1, 1) && counts.large < Math.max(maxDownloadsPerDatastore - 1, 1)
    );
  }
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
      occupancy.add(activity.source.originKey, remainingOf(content, content.totalBytes ?? 0));
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

  const probed = new Set<string>();
  for (const { wanted, content } of inTurn(desired, actual)) {
    if (content.state === 'DOWNLOADED') {
      if (content.promotionWaitUntilMs <= nowMs) steps.push({ kind: 'verify', sha256: wanted.sha256 });
      else wakeAtMs = Math.min(wakeAtMs, content.promotionWaitUntilMs);
    }
    if (isDoubtful(wanted, content)) steps.push({ kind: 'recheck', sha256: wanted.sha256 });
    if (content.state !== 'INITIAL') continue;
    const choice = chooseSource(candidatesOf(wanted, actual), content, originOf, limits, nowMs);
    if (choice.kind === 'wait') {
      wakeAtMs = Math.min(wakeAtMs, choice.untilMs);
      continue;
    }
    const { source, sizeBytes } = choice.candidate;
    const origin = originOf(source);
    if (origin.isLocal && origin.status === 'unknown') {
      if (!probed.has(origin.origin)) steps.push({ kind: 'probe', source });
      probed.add(origin.origin);
    }
    if (origin.isLocal && (origin.status === 'unknown' || origin.status === 'probing')) continue;
    const remainingBytes = remainingOf(content, sizeBytes);
    if (!occupancy.hasSlot(origin, remainingBytes)) continue;
    if (remainingBytes > occupancy.freeBytes) {
      lacksBytes.set(wanted.sha256, remainingBytes - occupancy.freeBytes);
      continue;
    }
    occupancy.add(origin.origin, remainingBytes);
    steps.push({ kind: 'download', sha256: wanted.sha256, source, sizeBytes });
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
  return state === 'VERIFIED' && isOfEarlierRun && trees.every(({ sizeBytes }) => sizeBytes !== totalBytes);
}

function isCancelled(wanted: DesiredContent | undefined, { holds }: Actual): boolean {
  return wanted?.trees.every(({ uuid }) => holds.get(uuid) === 'cancelled') ?? false;
}

type Choice =
  | { readonly kind: 'use'; readonly candidate: Candidate }
  | { readonly kind: 'wait'; readonly untilMs: number };

/** So often in a row another source must have failed before one that sent wrong bytes is asked once more. */
const HOPELESS_FAILURES = 3;

/**
 * The first source that may be tried now, or when one may. One that sent wrong bytes too often, which would also
 * cost what is here from others, comes after all others, and only when those are no hope either.
 */
function chooseSource(
  candidates: Iterable<Candidate>,
  content: ContentActual,
  originOf: (source: Source) => OriginState,
  { maxMismatches }: PlanLimits,
  nowMs: number,
): Choice {
  let untilMs = Number.POSITIVE_INFINITY;
  let usedUp: Candidate | null = null;
  let isHopeful = false;
  for (const candidate of candidates) {
    const state = content.sources.get(candidate.source.key);
    const origin = originOf(candidate.source);
    const readyAtMs = Math.max(state?.waitUntilMs ?? 0, origin.waitUntilMs);
    const isDue = readyAtMs <= nowMs;
    if (!isDue) untilMs = Math.min(untilMs, readyAtMs);
    if (state !== undefined && state.mismatches >= maxMismatches) {
      if (isDue) usedUp ??= candidate;
      continue;
    }
    if (isDue) return { kind: 'use', candidate };
    const isRefused = state?.failure?.severity === 'SEVERITY_ERROR';
    isHopeful ||= !isRefused && Math.max(state?.failures ?? 0, origin.failures) < HOPELESS_FAILURES;
  }
  return usedUp === null || isHopeful ? { kind: 'wait', untilMs } : { kind: 'use', candidate: usedUp };
}

/** Whether a tree's name should lead to content that is here. */
function isLinkable({ sha256, sizeBytes, uuid }: DesiredTree, actual: Actual): boolean {
  const content = sha256 === null ? undefined : actual.contents.get(sha256);
  return (
    content?.state === 'VERIFIED' &&
    content.activity === null &&
    content.totalBytes === sizeBytes &&
    actual.holds.get(uuid) !== 'cancelled'
  );
}

/** Names that lead to the wrong content go before any content does. */
function* planLinks({ trees }: Desired, actual: Actual, nowMs: number): Generator<Step> {
  const wanted = new Map<string, string>();
  for (const tree of trees.values()) {
    if (tree.sha256 !== null && isLinkable(tree, actual)) wanted.set(tree.name, tree.sha256);
  }
  const { links, busyNames, linkFailures } = actual;
  const isFree = (name: string) =>
    !busyNames.has(name) && (linkFailures.get(name)?.waitUntilMs ?? nowMs) <= nowMs;
  for (const name of links.keys()) {
    // A name that is to lead elsewhere is replaced in one step.
    if (!wanted.has(name) && isFree(name)) yield { kind: 'unlink', name };
  }
  for (const [name, sha256] of wanted) {
    if (links.get(name) !== sha256 && isFree(name)) yield { kind: 'link', name, sha256 };
  }
}

/** When the next name that could not be changed is due. */
function nextLinkTryMs({ linkFailures }: Actual, nowMs: number): number {
  let nextMs = Number.POSITIVE_INFINITY;
  for (const { waitUntilMs } of linkFailures.values()) {
    if (waitUntilMs > nowMs) nextMs = Math.min(nextMs, waitUntilMs);
  }
  return nextMs;
}
