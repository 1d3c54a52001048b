// SPDX-License-Identifier: Apache-2.0
import type { Actual, ContentActual } from './actual.ts';
import { type DesiredTree, isOfSize, type Part, partsOf } from './desired.ts';
import type { ContentState } from './transitions.ts';

/** One part of a tree, and what is known of it. */
export interface PartView {
  readonly part: Part;
  readonly content: ContentActual;
}

/** A tree as one thing, of however many files it is made. */
export interface TreeView {
  /** Whether its content is here; its name may lead there later. */
  readonly state: ContentState;
  readonly currentBytes: number;
  /** Null: not known yet. */
  readonly totalBytes: number | null;
  readonly isActive: boolean;
  readonly lastUseMs: number;
  readonly retryCount: number;
  readonly downloadId: string;
  readonly datastoreId: string;
  /** The part that holds it up, or one of those that are here. */
  readonly shown: PartView;
}

const isHere = ({ part, content }: PartView) =>
  content.state === 'VERIFIED' && isOfSize(part, content.totalBytes);
const isActive = ({ content }: PartView) => content.activity?.kind === 'download';
const sumOf = (parts: readonly PartView[], of: (view: PartView) => number) =>
  parts.reduce((sum, each) => sum + of(each), 0);

/** @param isHeld whether a person has put the tree on hold */
function imageState(parts: readonly PartView[], isHeld: boolean): ContentState {
  const states = new Set(parts.map(({ content }) => content.state));
  if (parts.every(isHere)) return 'VERIFIED';
  if (parts.some(isActive)) return 'DOWNLOADING';
  const isWhole = [...states].every((state) => ['DOWNLOADED', 'VERIFYING', 'VERIFIED'].includes(state));
  if (isWhole && states.has('VERIFYING')) return 'VERIFYING';
  if (isWhole && states.has('DOWNLOADED')) return 'DOWNLOADED';
  // Between two of its files, unless something keeps it.
  const isOnItsWay = parts.some(({ content }) => content.state !== 'INITIAL');
  const isKept = isHeld || parts.some(({ content }) => content.failure !== null);
  return isOnItsWay && !isKept ? 'DOWNLOADING' : 'RESOLVED_TAG';
}

/** The one whose failure is the newest, else the first that is not here. */
function findShown(parts: readonly PartView[], lacks: (sha256: string) => boolean): PartView | undefined {
  const missing = parts.filter((each) => !isHere(each));
  const failed = missing.filter(({ content }) => content.failure !== null);
  failed.sort((left, right) => (right.content.failure?.atMs ?? 0) - (left.content.failure?.atMs ?? 0));
  return failed[0] ?? missing.find(({ part }) => lacks(part.sha256)) ?? missing[0] ?? parts[0];
}

/**
 * Puts together what is known of a tree's parts.
 *
 * @param lacks whether content waits for space
 * @returns null: nobody can say what the tree is made of
 */
export function viewTree(
  tree: DesiredTree,
  { contents, holds }: Actual,
  lacks: (sha256: string) => boolean,
): TreeView | null {
  const parts = partsOf(tree).flatMap((part) => {
    const content = contents.get(part.sha256);
    return content === undefined ? [] : [{ part, content }];
  });
  const shown = findShown(parts, lacks);
  if (shown === undefined) return null;
  const { content } = shown;
  const isImage = tree.image?.resolved != null;
  const last = parts.reduce((left, right) =>
    right.content.triedAtMs > left.content.triedAtMs ? right : left,
  );
  const { downloadId, datastoreId } = (parts.find(isActive) ?? last).content;
  return {
    state: isImage ? imageState(parts, holds.has(tree.uuid)) : content.state,
    currentBytes: sumOf(parts, (each) => each.content.currentBytes),
    totalBytes: isImage ? sumOf(parts, ({ part }) => part.sizeBytes) : content.totalBytes,
    isActive: parts.some(isActive),
    lastUseMs: content.lastUseMs,
    retryCount: sumOf(parts, (each) => each.content.retryCount),
    ...{ downloadId, datastoreId, shown },
  };
}
