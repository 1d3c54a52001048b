// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { FULL_NAME, REF_NAME } from './image-archive.ts';
import { OCI_INDEX } from './media-types.ts';

const ENTRY = z.looseObject({
  digest: z.string(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
type Entry = z.infer<typeof ENTRY>;
const INDEX = z.looseObject({ manifests: z.array(ENTRY) });

/** The `index.json` of an image layout that more images may come to; what is not understood of it stays in it. */
export type LayoutIndex = z.infer<typeof INDEX>;

/** An index of so many bytes is of nobody who makes layouts. */
export const MAX_LAYOUT_INDEX_BYTES = 4 * 1024 * 1024;
export const EMPTY_LAYOUT_INDEX: LayoutIndex = { manifests: [] };

/** @returns undefined where it is none */
export function parseLayoutIndex(text: string): LayoutIndex | undefined {
  try {
    return INDEX.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Whether two entries go by the same name: then the later one has it. */
function isSameName(later: Entry, earlier: Entry): boolean {
  const nameOf = (entry: Entry, annotation: string) => entry.annotations?.[annotation];
  const fullName = nameOf(earlier, FULL_NAME);
  if (fullName !== undefined) return fullName === nameOf(later, FULL_NAME);
  const refName = nameOf(earlier, REF_NAME);
  return refName === undefined ? earlier.digest === later.digest : refName === nameOf(later, REF_NAME);
}

/** The text of an index with further entries; what had one of their names before is named no more. */
export function withEntries(index: LayoutIndex, entries: readonly object[]): string {
  const added = entries.map((entry) => ENTRY.parse(entry));
  const others = index.manifests.filter((each) => !added.some((entry) => isSameName(entry, each)));
  const document = { schemaVersion: 2, mediaType: OCI_INDEX, ...index, manifests: [...others, ...added] };
  return JSON.stringify(document);
}
