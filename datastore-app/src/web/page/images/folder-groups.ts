// SPDX-License-Identifier: Apache-2.0
import type { Image } from '../api/answers.ts';
import { splitPath } from './image-list.ts';

/** The images of one folder, without those of folders below. */
export interface FolderGroup {
  /** `linux/base/`; empty: the root. */
  readonly folder: string;
  readonly images: readonly Image[];
}

/**
 * Images by their folders: those of the root first, then the folder whose first image comes first.
 *
 * @param images in the order in which they are shown
 */
export function groupByFolder(images: readonly Image[]): FolderGroup[] {
  const groups = [...Map.groupBy(images, ({ path }) => splitPath(path).folder)];
  return groups
    .map(([folder, inFolder]) => ({ folder, images: inFolder }))
    .sort((left, right) => Number(left.folder !== '') - Number(right.folder !== ''));
}

/** A group as far as it is drawn. */
export interface DrawnGroup extends FolderGroup {
  readonly drawn: readonly Image[];
}

/** What of some groups is drawn: at most so many images, of folders that are open. */
export function drawGroups(
  groups: readonly FolderGroup[],
  { closed, most }: { readonly closed: ReadonlySet<string>; readonly most: number },
): DrawnGroup[] {
  let left = most;
  return groups.flatMap((group) => {
    if (left <= 0) return [];
    const drawn = closed.has(group.folder) ? [] : group.images.slice(0, left);
    left -= drawn.length;
    return { ...group, drawn };
  });
}
