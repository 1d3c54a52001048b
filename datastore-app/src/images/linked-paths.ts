// SPDX-License-Identifier: Apache-2.0
import { isImagePath } from './image-path.ts';

/** How many folder links one path may go through; the kernel follows more, through links that lead in a circle. */
const MAX_FOLDER_LINKS = 4;
/** So many further paths of images are named at most. */
const MAX_LINKED = 100_000;

/** Symbolic links below a root: their path, and that of the image or folder to which they lead. */
export type Links = ReadonlyMap<string, string>;

/**
 * The further paths at which links show images: links to files, and all that stands below a folder to which a link
 * leads. A link to a folder that holds the link itself shows nothing more.
 *
 * @param images the paths of the files themselves
 * @param limit how many are named at most; another one than the usual only for tests
 */
export function* linkedPaths(
  links: Links,
  images: { has(path: string): boolean; keys(): Iterable<string> },
  limit = MAX_LINKED,
): Generator<[path: string, file: string]> {
  let count = 0;

  function* below(prefix: string, target: string, depth: number): Generator<[string, string]> {
    if (images.has(target)) {
      if (isImagePath(prefix)) yield [prefix, target];
      return;
    }
    if (depth === MAX_FOLDER_LINKS) return;
    const start = `${target}/`;
    for (const file of images.keys()) {
      const path = prefix + file.slice(target.length);
      if (file.startsWith(start) && isImagePath(path)) yield [path, file];
    }
    for (const [link, further] of links) {
      const isCircle = link.startsWith(`${further}/`);
      if (link.startsWith(start) && !isCircle) {
        yield* below(prefix + link.slice(target.length), further, depth + 1);
      }
    }
  }

  for (const [link, target] of links) {
    if (link.startsWith(`${target}/`)) continue;
    for (const found of below(link, target, 0)) {
      if (count === limit) return;
      count += 1;
      yield found;
    }
  }
}

/** The path of the file that a path leads to through links to files and folders; the path itself where it needs none. */
export function followLinks(path: string, links: Links): string {
  let current = path;
  for (let count = 0; links.size > 0 && count <= MAX_FOLDER_LINKS; count += 1) {
    let end = current.length;
    while (end > 0 && !links.has(current.slice(0, end))) end = current.lastIndexOf('/', end - 1);
    const target = end > 0 ? links.get(current.slice(0, end)) : undefined;
    if (target === undefined) break;
    current = target + current.slice(end);
  }
  return current;
}
