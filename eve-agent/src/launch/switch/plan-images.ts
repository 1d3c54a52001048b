// SPDX-License-Identifier: Apache-2.0
import type { ImageView } from '../engine/container-engine.ts';

/** The tag that leads to what serves, as ed-daemon has it. */
const LATEST = 'latest';

export type ImageStep =
  | { readonly kind: 'tag-image'; readonly image: string; readonly repository: string; readonly tag: string }
  | { readonly kind: 'untag-image'; readonly tag: string };

/**
 * What becomes of the tags of a deployment: those of images that no container of it is made of go, and with the last
 * one the image; `latest` leads to what serves.
 *
 * Pure. Tags of other repositories are nobody's business, also where they are of the same image.
 *
 * @param usedIds of the images of all its containers, kept ones too
 * @param servingId null: nothing serves
 */
export function planImages(
  images: readonly ImageView[],
  repository: string,
  usedIds: ReadonlySet<string>,
  servingId: string | null,
): ImageStep[] {
  const steps: ImageStep[] = [];
  const serving = images.find(({ id }) => id === servingId);
  const latest = `${repository}:${LATEST}`;
  // An image without a tag of ours was not loaded for this deployment.
  if (serving !== undefined && !serving.tags.includes(latest)) {
    steps.push({ kind: 'tag-image', image: serving.id, repository, tag: LATEST });
  }
  for (const { id, tags } of images) {
    if (usedIds.has(id)) continue;
    for (const tag of tags) {
      const isOurs = tag.startsWith(`${repository}:`);
      const hasMoved = tag === latest && serving !== undefined;
      if (isOurs && !hasMoved) steps.push({ kind: 'untag-image', tag });
    }
  }
  return steps;
}
