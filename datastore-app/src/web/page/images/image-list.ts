// SPDX-License-Identifier: Apache-2.0
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import type { Image } from '../api/answers.ts';

export const SORT_KEYS = ['name', 'size', 'format', 'age'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface Sorting {
  readonly key: SortKey;
  readonly direction: 'ascending' | 'descending';
}

const NAMES = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
const byName = (left: Image, right: Image) => NAMES.compare(left.path, right.path);

const contentOf = ({ content, format }: Image) => content ?? format;

/** What comes first in an ascending order; an age ascends from the newest. */
const COMPARE: Readonly<Record<SortKey, (left: Image, right: Image) => number>> = {
  name: byName,
  size: (left, right) => left.sizeBytes - right.sizeBytes,
  format: (left, right) => contentOf(left).localeCompare(contentOf(right)),
  age: (left, right) => right.modified.localeCompare(left.modified),
};

/** The images that hold every word of the search in path, format, state or digest, in order. */
export function listImages(images: readonly Image[], search: string, { key, direction }: Sorting): Image[] {
  const words = search
    .toLowerCase()
    .replace(/^sha256:/, '')
    .split(/\s+/)
    .filter((word) => word !== '');
  const sign = direction === 'ascending' ? 1 : -1;
  return images
    .filter(({ path, format, content = '', sha256, state }) => {
      const text = `${path} ${format} ${content} ${state} ${sha256 ?? ''}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((left, right) => sign * COMPARE[key](left, right) || byName(left, right));
}

/** `linux/base/disk.img` → `linux/base/` and `disk.img`. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf('/') + 1;
  return { folder: path.slice(0, slash), name: path.slice(slash) };
}

/** `3 images, 2.1 GiB`; what can come is told of beside. */
export function amountText(images: readonly Pick<Image, 'state' | 'sizeBytes'>[]): string {
  const here = images.filter(({ state }) => state !== 'upstream');
  const totalBytes = here.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const coming = images.length - here.length;
  const amount = `${countText(here.length, 'image')}, ${sizeText(totalBytes)}`;
  return coming > 0 ? `${amount}; ${coming} more can come` : amount;
}
