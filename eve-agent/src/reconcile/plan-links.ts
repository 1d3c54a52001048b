// SPDX-License-Identifier: Apache-2.0
import type { ImageFolder } from '../content/image-folders.ts';
import type { Actual } from './actual.ts';
import { type Desired, type DesiredTree, isOfSize, markOfTree, partsOf } from './desired.ts';

export type LinkStep =
  | { readonly kind: 'link'; readonly sha256: string; readonly name: string }
  | { readonly kind: 'link-image'; readonly name: string; readonly image: ImageFolder }
  | { readonly kind: 'unlink'; readonly name: string };

/** Whether a tree's name should lead to content that is here. */
function isLinkable(tree: DesiredTree, actual: Actual): boolean {
  return (
    actual.holds.get(tree.uuid) !== 'cancelled' &&
    partsOf(tree).every((part) => {
      const content = actual.contents.get(part.sha256);
      return content?.state === 'VERIFIED' && content.activity === null && isOfSize(part, content.totalBytes);
    })
  );
}

/** Names that lead to the wrong content go before any content does. */
export function* planLinks({ trees }: Desired, actual: Actual, nowMs: number): Generator<LinkStep> {
  const wanted = new Map<string, { readonly mark: string; readonly image: ImageFolder | null }>();
  for (const tree of trees.values()) {
    const mark = markOfTree(tree);
    const image = tree.image?.resolved?.folder ?? null;
    if (mark !== null && isLinkable(tree, actual)) wanted.set(tree.name, { mark, image });
  }
  const { links, busyNames, linkFailures } = actual;
  const isFree = (name: string) =>
    !busyNames.has(name) && (linkFailures.get(name)?.waitUntilMs ?? nowMs) <= nowMs;
  for (const name of links.keys()) {
    // A name that is to lead elsewhere is replaced in one step.
    if (!wanted.has(name) && isFree(name)) yield { kind: 'unlink', name };
  }
  for (const [name, { mark, image }] of wanted) {
    if (links.get(name) === mark || !isFree(name)) continue;
    yield image === null ? { kind: 'link', name, sha256: mark } : { kind: 'link-image', name, image };
  }
}

/** When the next name that could not be changed is due. */
export function nextLinkTryMs({ linkFailures }: Actual, nowMs: number): number {
  let nextMs = Number.POSITIVE_INFINITY;
  for (const { waitUntilMs } of linkFailures.values()) {
    if (waitUntilMs > nowMs) nextMs = Math.min(nextMs, waitUntilMs);
  }
  return nextMs;
}
