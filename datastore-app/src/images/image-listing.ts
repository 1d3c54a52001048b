// SPDX-License-Identifier: Apache-2.0
import { findCaseTwins } from './case-twins.ts';
import { type Entry, type Image, toImage } from './catalogue-entry.ts';
import { type Links, linkedPaths } from './linked-paths.ts';

/** How the letters of a name that looks like another's are written: as one character each, or in parts. */
export type NameForm = 'composed' | 'decomposed' | 'mixed';

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what it looks for
const ASCII = /^[\u0000-\u007f]*$/;

function formOf(path: string): NameForm {
  if (path === path.normalize('NFC')) return 'composed';
  return path === path.normalize('NFD') ? 'decomposed' : 'mixed';
}

/** Of paths that look alike, because they differ in the Unicode form of their letters alone: which have which. */
export function findTwins(paths: Iterable<string>): Map<string, NameForm> {
  const alike = new Map<string, string[]>();
  for (const path of paths) {
    if (ASCII.test(path)) continue;
    const key = path.normalize('NFC');
    alike.set(key, [...(alike.get(key) ?? []), path]);
  }
  const twins = [...alike.values()].filter(({ length }) => length > 1).flat();
  return new Map(twins.map((path) => [path, formOf(path)]));
}

/** All images, by path: every file at its own place, and at those at which links show it. */
export function listEntries(entries: ReadonlyMap<string, Entry>, links: Links): Image[] {
  const images = [...entries].map(([path, entry]) => toImage(path, entry));
  for (const [path, linkTo] of linkedPaths(links, entries)) {
    const entry = entries.get(linkTo);
    if (entry !== undefined) images.push({ ...toImage(path, entry), linkTo });
  }
  const paths = images.map(({ path }) => path);
  const [forms, caseTwins] = [findTwins(paths), findCaseTwins(paths)];
  return images
    .map((image) => {
      const [nameForm, caseTwin] = [forms.get(image.path), caseTwins.get(image.path)];
      if (nameForm === undefined && caseTwin === undefined) return image;
      return {
        ...image,
        ...(nameForm !== undefined && { nameForm }),
        ...(caseTwin !== undefined && { caseTwin }),
      };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
