// SPDX-License-Identifier: Apache-2.0
import type { StoreScan } from '../content/content-store.ts';
import { type Actual, type ContentActual, createContent } from './actual.ts';
import { nextState } from './transitions.ts';

/**
 * Puts together what an earlier run left. All of it counts as unreferenced until a configuration comes.
 *
 * @param lastUse when content was last referred to, in milliseconds since the epoch, by its digest
 * @param now the clock of the waits, and the time since the epoch at the same moment
 */
export function recallContents(
  actual: Actual,
  { verified, whole, partial, links, imageFolders }: StoreScan,
  lastUse: Readonly<Record<string, number>>,
  { nowMs, wallMs }: { readonly nowMs: number; readonly wallMs: number },
): void {
  const recall = (sha256: string, sizeBytes: number): ContentActual => {
    const content = createContent(sha256, lastUse[sha256] ?? wallMs);
    content.currentBytes = sizeBytes;
    content.unreferencedAtMs = nowMs - Math.max(wallMs - content.lastUseMs, 0);
    actual.contents.set(sha256, content);
    return content;
  };
  for (const { sha256, sizeBytes } of partial) recall(sha256, sizeBytes);
  for (const { sha256, sizeBytes } of whole) {
    const content = recall(sha256, sizeBytes);
    content.state = nextState(content.state, 'found-pending');
  }
  for (const { sha256, sizeBytes } of verified) {
    const content = recall(sha256, sizeBytes);
    content.totalBytes = sizeBytes;
    content.isOfEarlierRun = true;
    content.state = nextState(content.state, 'found-verified');
  }
  for (const [name, sha256] of links) {
    actual.links.set(name, sha256);
    actual.givenNames.add(name);
  }
  // What others put there stays theirs.
  for (const [name, mark] of imageFolders) if (actual.givenNames.has(name)) actual.links.set(name, mark);
}
