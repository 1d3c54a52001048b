// SPDX-License-Identifier: Apache-2.0
import type { BlobPlace, DigestText, FoundBlob } from './blob-files.ts';

/** What is known of a digest: of a blob that is here, or of one that something names. */
export interface BlobEntry {
  /** The text itself, of which every other use is to be this very one: there are very many. */
  readonly digest: DigestText;
  /** undefined: there is no such file. */
  place: BlobPlace | undefined;
  sizeBytes: number;
  /** How often manifests name it, and whether it is a manifest of a repository: once for each. */
  refs: number;
  /** How often it must be here, since nothing brings it when it is asked for. */
  needs: number;
  /** Of a clock that only goes forward: nothing collects it before. */
  leasedUntilMs: number;
  /** When it went to the trash, or was found there. */
  trashedMs: number;
  /** ISO 8601: when it came, or was last read again; null: that is not remembered. */
  verified: string | null;
}

export interface BlobCounts {
  readonly blobs: number;
  readonly blobBytes: number;
  readonly trashed: number;
  readonly trashBytes: number;
  /** What repositories name, and is damaged or missing. */
  readonly damaged: number;
}

/** The blobs in memory: the files are the truth, this is the index of them. */
export interface BlobTable {
  find(digest: DigestText): BlobEntry | undefined;
  /** Makes an entry where there is none. */
  entry(digest: DigestText): BlobEntry;
  /** Takes over what was found on the disk. */
  note(found: FoundBlob, nowMs: number): void;
  /** To be called with every change of where a blob stands. */
  setPlace(entry: BlobEntry, place: BlobPlace | undefined, sizeBytes?: number): void;
  /** @param isNeeded whether it must be here because of this */
  addRef(digest: DigestText, isNeeded: boolean): void;
  dropRef(digest: DigestText, isNeeded: boolean): void;
  /** Forgets an entry that says nothing. */
  tidy(entry: BlobEntry): void;
  entries(): IterableIterator<BlobEntry>;
  /** Those in the trash. */
  trash(): Iterable<BlobEntry>;
  counts(): BlobCounts;
}

export function createBlobTable(): BlobTable {
  const table = new Map<DigestText, BlobEntry>();
  const trash = new Set<BlobEntry>();
  const counts = { blobs: 0, blobBytes: 0, trashed: 0, trashBytes: 0, damaged: 0 };

  const isDamaged = ({ place, refs, needs }: BlobEntry) =>
    place?.kind === 'damaged' ? refs > 0 : needs > 0 && place?.kind !== 'stored';

  /** Counts what an entry is; with -1, what it was. */
  function count(entry: BlobEntry, sign: 1 | -1): void {
    const { place, sizeBytes } = entry;
    if (place?.kind === 'trash') {
      counts.trashed += sign;
      counts.trashBytes += sign * sizeBytes;
    } else if (place !== undefined) {
      counts.blobs += sign;
      counts.blobBytes += sign * sizeBytes;
    }
    if (isDamaged(entry)) counts.damaged += sign;
  }

  function entryOf(digest: DigestText): BlobEntry {
    const known = table.get(digest);
    if (known !== undefined) return known;
    const entry: BlobEntry = {
      ...{ digest, place: undefined, sizeBytes: 0, refs: 0, needs: 0, leasedUntilMs: -Infinity },
      ...{ trashedMs: 0, verified: null },
    };
    table.set(digest, entry);
    return entry;
  }

  function setPlace(entry: BlobEntry, place: BlobPlace | undefined, sizeBytes = entry.sizeBytes): void {
    count(entry, -1);
    entry.place = place;
    entry.sizeBytes = sizeBytes;
    count(entry, 1);
    if (place?.kind === 'trash') trash.add(entry);
    else trash.delete(entry);
  }

  function changeRefs(entry: BlobEntry, by: number, isNeeded: boolean): void {
    count(entry, -1);
    entry.refs += by;
    if (isNeeded) entry.needs += by;
    count(entry, 1);
  }

  function tidy(entry: BlobEntry): void {
    if (entry.place === undefined && entry.refs === 0) table.delete(entry.digest);
  }

  return {
    find: (digest) => table.get(digest),
    entry: entryOf,
    note({ digest, sizeBytes, place }, nowMs) {
      const entry = entryOf(digest);
      // Of two with one digest the one that is served counts: the other is left over from a move that was cut off.
      if (entry.place?.kind === 'stored') return;
      setPlace(entry, place, sizeBytes);
      entry.trashedMs = nowMs;
    },
    setPlace,
    addRef: (digest, isNeeded) => changeRefs(entryOf(digest), 1, isNeeded),
    dropRef(digest, isNeeded) {
      const entry = entryOf(digest);
      changeRefs(entry, -1, isNeeded);
      tidy(entry);
    },
    tidy,
    entries: () => table.values(),
    trash: () => trash,
    counts: () => counts,
  };
}
