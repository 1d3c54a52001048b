// SPDX-License-Identifier: Apache-2.0
import { isImageConfig, manifestKind } from '@local-datastore/shared/oci/media-types';
import type { DigestText } from '../blobs/blob-files.ts';
import type { ManifestRecord, RepositoryRecord } from '../blobs/repository-record.ts';
import type { KnownRepository, RepositoryOrigin } from './known-repositories.ts';

export type RepositorySummary = RepositoryOrigin & {
  readonly name: string;
  readonly tagCount: number;
  /** Of manifests and blobs, each once. */
  readonly sizeBytes: number;
  /** ISO 8601: when something was last pushed or tagged. */
  readonly updated: string;
};

export interface TagVersion {
  /** From 1. The oldest are forgotten first; then the next has their number. */
  readonly number: number;
  readonly digest: DigestText;
  readonly at: string;
}

export interface TagDescription {
  readonly tag: string;
  readonly digest: DigestText;
  readonly mediaType: string;
  readonly kind: 'image' | 'index' | 'artifact';
  /** Of everything that it leads to, each once. */
  readonly sizeBytes: number;
  readonly platforms: readonly string[];
  /** Of what is no image. */
  readonly artifactType: string | null;
  readonly pushed: string;
  readonly by: string | null;
  readonly isReleased: boolean;
  readonly versions: readonly TagVersion[];
  /** false: parts of it are not here. */
  readonly isComplete: boolean;
}

/** A tag of which nothing is here yet. */
export interface ExternalTag {
  readonly tag: string;
  /** Such as `docker://registry.example/lab/app:1.2`. */
  readonly source: string;
  readonly at: string;
  readonly by: string | null;
}

/** What a caller may see of a repository. */
export interface RepositorySight {
  /** All of it, also what has no tag. */
  readonly isWhole: boolean;
  hasTag(tag: string): boolean;
}

/** What an image is made of. */
export interface Reach {
  readonly manifests: ReadonlyMap<DigestText, ManifestRecord>;
  readonly blobs: ReadonlyMap<DigestText, number>;
  /** Manifests of indexes that are not here. */
  readonly missing: readonly DigestText[];
}

/** Everything that manifests lead to. */
export function reachOf({ manifests }: RepositoryRecord, roots: Iterable<DigestText>): Reach {
  const found = new Map<DigestText, ManifestRecord>();
  const blobs = new Map<DigestText, number>();
  const missing: DigestText[] = [];
  const seen = new Set<DigestText>();
  const waiting = [...roots];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    const manifest = manifests.get(digest);
    if (manifest === undefined) {
      missing.push(digest);
      continue;
    }
    found.set(digest, manifest);
    for (const blob of manifest.blobs) blobs.set(blob.digest, blob.sizeBytes);
    waiting.push(...manifest.children);
  }
  return { manifests: found, blobs, missing };
}

export const sizeOf = ({ manifests, blobs }: Reach): number =>
  [...Array.from(manifests.values(), ({ sizeBytes }) => sizeBytes), ...blobs.values()].reduce(
    (sum, size) => sum + size,
    0,
  );

/** The tags that may be seen, in the order of code units. */
export const visibleTags = ({ tags }: RepositoryRecord, sight: RepositorySight): string[] =>
  [...tags.keys()].filter((tag) => sight.isWhole || sight.hasTag(tag)).sort();

/** The tags that may be seen and are references alone: they are fetched when they are first asked for. */
export const externalTags = ({ tags, references }: RepositoryRecord, sight: RepositorySight): ExternalTag[] =>
  [...(references ?? [])]
    .filter(([tag]) => !tags.has(tag) && (sight.isWhole || sight.hasTag(tag)))
    .map(([tag, { source, at, by = null }]) => ({ tag, source, at, by }))
    .sort((one, other) => (one.tag < other.tag ? -1 : 1));

/** What there is to say of a repository in a list. */
export function summarizeRepository(
  { record, origin }: KnownRepository,
  sight: RepositorySight,
): RepositorySummary {
  const tags = visibleTags(record, sight).flatMap((tag) => record.tags.get(tag) ?? []);
  const roots = sight.isWhole ? record.manifests.keys() : tags.map(({ digest }) => digest);
  const reach = reachOf(record, roots);
  const external = externalTags(record, sight);
  const times = [...tags, ...external, ...reach.manifests.values()].map(({ at }) => at);
  const tagCount = tags.length + external.length;
  return {
    ...{ name: record.name, ...origin, tagCount, sizeBytes: sizeOf(reach) },
    updated: times.reduce((latest, at) => (at > latest ? at : latest), record.created),
  };
}

/** How many manifests no tag leads to: by itself, by an index, or by what it is about (signatures). */
export function countUntagged(record: RepositoryRecord): number {
  const { manifests } = record;
  const reached = new Set(
    reachOf(
      record,
      [...record.tags.values()].map(({ digest }) => digest),
    ).manifests.keys(),
  );
  for (let before = -1; before < reached.size; ) {
    before = reached.size;
    const attached = [...manifests].filter(
      ([digest, { subject }]) => subject !== undefined && reached.has(subject) && !reached.has(digest),
    );
    for (const digest of reachOf(
      record,
      attached.map(([digest]) => digest),
    ).manifests.keys())
      reached.add(digest);
  }
  return manifests.size - reached.size;
}

/** What a tag leads to, by what its manifest says of itself. */
export function kindOf({ mediaType, artifactType }: ManifestRecord): TagDescription['kind'] {
  if (manifestKind(mediaType) === 'index') return 'index';
  const isImage = artifactType === undefined || isImageConfig(artifactType);
  return isImage ? 'image' : 'artifact';
}

/**
 * What there is to say of a tag.
 *
 * @param isHere whether the blob of a digest is
 * @returns undefined where there is no such tag
 */
export function describeTag(
  record: RepositoryRecord,
  tag: string,
  platforms: readonly string[],
  isHere: (digest: DigestText) => boolean,
): TagDescription | undefined {
  const there = record.tags.get(tag);
  const manifest = there && record.manifests.get(there.digest);
  if (there === undefined || manifest === undefined) return undefined;
  const reach = reachOf(record, [there.digest]);
  const kind = kindOf(manifest);
  return {
    ...{ tag, digest: there.digest, mediaType: manifest.mediaType, kind, platforms },
    sizeBytes: sizeOf(reach),
    artifactType: kind === 'image' ? null : (manifest.artifactType ?? null),
    ...{ pushed: there.at, by: there.by ?? null, isReleased: there.isReleased === true },
    versions: record.versions
      .filter((version) => version.tag === tag)
      .map(({ digest, at }, index) => ({ number: index + 1, digest, at })),
    isComplete: reach.missing.length === 0 && [...reach.blobs.keys()].every(isHere),
  };
}
