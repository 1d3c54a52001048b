// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';

/** Where a blob is of which an import knows. */
export type BlobState = 'waiting' | 'coming' | 'here';

export interface BlobProgress {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly state: BlobState;
}

/** How far an import is. What is coming is counted by whoever knows the flights. */
export interface ImportProgress {
  imagesTotal: number;
  imagesDone: number;
  /** What came from the registry for it, without what is still coming. */
  fetchedBytes: number;
  /** What is done now, for people. */
  step: string;
  note(sentence: string): void;
  readonly notes: readonly string[];
  setBlob(digest: OciDigest, sizeBytes: number, state: BlobState): void;
  blobs(): Iterable<BlobProgress>;
  /** Of all blobs that are known by now. */
  sizeBytes(): number;
  hereBytes(): number;
}

/** Some may be said again and again, as of many platforms. */
const MAX_NOTES = 50;

export function createImportProgress(): ImportProgress {
  const blobs = new Map<string, BlobProgress>();
  const notes = new Set<string>();
  let sizeBytes = 0;
  let hereBytes = 0;
  return {
    ...{ imagesTotal: 0, imagesDone: 0, fetchedBytes: 0, step: 'begins' },
    note(sentence) {
      if (notes.size < MAX_NOTES) notes.add(sentence);
    },
    get notes() {
      return [...notes];
    },
    setBlob(digest, size, state) {
      const text = formatDigest(digest);
      const before = blobs.get(text);
      // It is said of each manifest that names it.
      if (before !== undefined && state === 'waiting') return;
      if (before === undefined) sizeBytes += size;
      const ownBytes = before?.sizeBytes ?? size;
      if (before?.state === 'here') hereBytes -= ownBytes;
      if (state === 'here') hereBytes += ownBytes;
      blobs.set(text, { digest: text, sizeBytes: ownBytes, state });
    },
    blobs: () => blobs.values(),
    sizeBytes: () => sizeBytes,
    hereBytes: () => hereBytes,
  };
}
