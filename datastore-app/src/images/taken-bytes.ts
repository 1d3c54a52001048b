// SPDX-License-Identifier: Apache-2.0
import type { FileVersion } from '../content/file-version.ts';

/** An image of which the size counts. */
export interface Taken {
  readonly version: FileVersion;
}

const NOTHING: ReadonlySet<string> = new Set();

/**
 * What images take on the disk: a file with several names once.
 *
 * @param replaced the paths of images that are to give way to others, and do not count
 */
export function takenBytes(
  images: Iterable<readonly [path: string, image: Taken]>,
  replaced = NOTHING,
): number {
  const counted = new Set<string>();
  let bytes = 0;
  for (const [path, { version }] of images) {
    if (replaced.has(path)) continue;
    const file = `${version.device}:${version.inode}`;
    if (counted.has(file)) continue;
    counted.add(file);
    bytes += version.sizeBytes;
  }
  return bytes;
}
