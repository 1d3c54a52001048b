import type { Actual } from './actual.ts';
import { type Desired, type DesiredTree, isOfSize } from './desired.ts';

export type LinkStep =
  | { readonly kind: 'link'; readonly sha256: string; readonly name: string }
  | { readonly kind: 'unlink'; readonly name: string };

/** Whether a tree's name should lead to content that is here. */
function isLinkable(tree: DesiredTree, actual: Actual): boolean {
  const { sha256, uuid } = tree;
  const content = sha256 === null ? undefined : actual.contents.get(sha256);
  return (
    content?.state === 'VERIFIED' &&
    content.activity === null &&
    isOfSize(tree, content.totalBytes) &&
    actual.holds.get(uuid) !== 'cancelled'
  );
}

/** Names that lead to the wrong content go before any content does. */
export function* planLinks({ trees }: Desired, actual: Actual, nowMs: number): Generator<LinkStep> {
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
export function nextLinkTryMs({ linkFailures }: Actual, nowMs: number): number {
  let nextMs = Number.POSITIVE_INFINITY;
  for (const { waitUntilMs } of linkFailures.values()) {
    if (waitUntilMs > nowMs) nextMs = Math.min(nextMs, waitUntilMs);
  }
  return nextMs;
}
