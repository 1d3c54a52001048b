// SPDX-License-Identifier: Apache-2.0
import { createInTurn, type InTurn } from '../content/in-turn.ts';
import type { DigestText } from './blob-files.ts';
import type { BlobTable } from './blob-table.ts';
import { emptyRecord } from './change-record.ts';
import type { ManifestRecord, RepositoryRecord } from './repository-record.ts';

/** When a repository was last given a blob, by a clock that only goes forward. */
export interface Lease {
  sinceMs: number;
  /** When its file was last written; undefined: it has none. */
  writtenMs: number | undefined;
  /** Whether that survives a power cut. */
  isDurable: boolean;
}

/** A repository in memory. */
export interface Repository {
  readonly name: string;
  /** Why its record cannot be read; then nothing of it is read or written. */
  readonly trouble: string | undefined;
  record: RepositoryRecord;
  /** Whether there is a record on the disk. */
  isRecorded: boolean;
  /** How many of its manifests need a blob. */
  readonly links: Map<DigestText, number>;
  readonly leases: Map<DigestText, Lease>;
  readonly referrers: Map<DigestText, Set<DigestText>>;
  /** In the order of code units; undefined: to be sorted again. */
  sortedTags: readonly string[] | undefined;
  /** One change of the record at a time. */
  readonly inTurn: InTurn;
}

export const createRepository = (name: string, at: string, trouble?: string): Repository => ({
  ...{ name, trouble, record: emptyRecord(name, at), isRecorded: false },
  ...{ links: new Map(), leases: new Map(), referrers: new Map() },
  ...{ sortedTags: undefined, inTurn: createInTurn() },
});

function addLinks(
  { links, referrers }: Repository,
  table: BlobTable,
  digest: DigestText,
  { blobs, subject, isSparse }: ManifestRecord,
): void {
  table.addRef(digest, true);
  for (const blob of blobs) {
    table.addRef(blob.digest, isSparse !== true);
    links.set(blob.digest, (links.get(blob.digest) ?? 0) + 1);
  }
  if (subject !== undefined) referrers.set(subject, (referrers.get(subject) ?? new Set()).add(digest));
}

function dropLinks(
  { links, referrers }: Repository,
  table: BlobTable,
  digest: DigestText,
  { blobs, subject, isSparse }: ManifestRecord,
): void {
  table.dropRef(digest, true);
  for (const blob of blobs) {
    table.dropRef(blob.digest, isSparse !== true);
    const left = (links.get(blob.digest) ?? 1) - 1;
    if (left > 0) links.set(blob.digest, left);
    else links.delete(blob.digest);
  }
  if (subject === undefined) return;
  const ofSubject = referrers.get(subject);
  ofSubject?.delete(digest);
  if (ofSubject?.size === 0) referrers.delete(subject);
}

/** Takes over another record: what it names, and no longer names, is counted. */
export function setRecord(repository: Repository, record: RepositoryRecord, table: BlobTable): void {
  const before = repository.record;
  // First what comes: what is in both must not seem unused in between.
  for (const [digest, manifest] of record.manifests) {
    if (!before.manifests.has(digest)) addLinks(repository, table, digest, manifest);
  }
  for (const [digest, manifest] of before.manifests) {
    if (!record.manifests.has(digest)) dropLinks(repository, table, digest, manifest);
  }
  repository.record = record;
  repository.isRecorded = true;
  repository.sortedTags = undefined;
}

/** Whether a repository has a blob: by a manifest, or by a lease. */
export const hasBlob = ({ links, leases }: Repository, digest: DigestText): boolean =>
  links.has(digest) || leases.has(digest);
