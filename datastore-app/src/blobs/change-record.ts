// SPDX-License-Identifier: Apache-2.0
import type { DigestText } from './blob-files.ts';
import { RegistryError } from './registry-error.ts';
import type { ManifestRecord, ReferenceRecord, RepositoryRecord, TagRecord } from './repository-record.ts';

/** Of each tag so many of its versions are remembered. */
const MAX_VERSIONS = 100;

export const emptyRecord = (name: string, at: string): RepositoryRecord => ({
  ...{ name, created: at, tags: new Map(), manifests: new Map(), versions: [] },
});

/** Without the references of tags, which are something else from now on. */
function withoutReferences(record: RepositoryRecord, tags: Iterable<string>): RepositoryRecord {
  const left = new Map(record.references);
  for (const tag of tags) left.delete(tag);
  if (left.size === (record.references?.size ?? 0)) return record;
  return { ...record, references: left.size === 0 ? undefined : left };
}

/** @returns undefined where the tag leads to an image already */
export function withReference(
  record: RepositoryRecord,
  tag: string,
  reference: ReferenceRecord,
): RepositoryRecord | undefined {
  if (record.tags.has(tag)) return undefined;
  return { ...record, references: new Map(record.references).set(tag, reference) };
}

const isTagged = (tags: ReadonlyMap<string, TagRecord>, digest: DigestText): boolean => {
  for (const tag of tags.values()) if (tag.digest === digest) return true;
  return false;
};

/** Notes when the last tag left a manifest. */
function withUntagged(
  record: RepositoryRecord,
  tags: ReadonlyMap<string, TagRecord>,
  digests: Iterable<DigestText>,
  at: string,
): RepositoryRecord {
  const manifests = new Map(record.manifests);
  for (const digest of new Set(digests)) {
    const manifest = manifests.get(digest);
    if (manifest !== undefined && !isTagged(tags, digest)) {
      manifests.set(digest, { ...manifest, untagged: at });
    }
  }
  return { ...record, tags, manifests };
}

export function requireNotReleased(record: RepositoryRecord, tag: string): TagRecord | undefined {
  const there = record.tags.get(tag);
  if (there?.isReleased !== true) return there;
  throw new RegistryError(
    'TAG_RELEASED',
    `The tag ${tag} of ${record.name} was released, and stays as it is.`,
  );
}

/** @throws RegistryError TAG_RELEASED for a tag that would have to move */
export function withManifest(
  record: RepositoryRecord,
  digest: DigestText,
  manifest: ManifestRecord,
  {
    tags: names,
    at,
    by,
    source,
    isFetched = false,
  }: {
    tags: readonly string[];
    at: string;
    by: string | undefined;
    source?: string | undefined;
    isFetched?: boolean | undefined;
  },
): RepositoryRecord {
  const tags = new Map(record.tags);
  const left: DigestText[] = [];
  const versions = [...record.versions];
  for (const tag of new Set(names)) {
    if (record.tags.get(tag)?.digest === digest) continue;
    const there = requireNotReleased(record, tag);
    if (there !== undefined) left.push(there.digest);
    tags.set(tag, { digest, at, ...(by !== undefined && { by }) });
    versions.push({ tag, digest, at });
    const own = versions.filter((version) => version.tag === tag);
    if (own[0] !== undefined && own.length > MAX_VERSIONS) versions.splice(versions.indexOf(own[0]), 1);
  }
  const before = isFetched ? record : withoutReferences(record, names);
  const { manifests, ...rest } = withUntagged({ ...before, versions }, tags, left, at);
  const known = manifests.get(digest);
  // Pushed again it is as new, and so is its time without a tag.
  const { untagged: _untagged, ...kept } = known ?? manifest;
  return {
    ...rest,
    ...(source !== undefined && { source }),
    manifests: new Map(manifests).set(digest, { ...kept, at }),
  };
}

/** Also of what is but a reference. @returns undefined where there is no such tag @throws RegistryError TAG_RELEASED */
export function withoutTag(record: RepositoryRecord, tag: string, at: string): RepositoryRecord | undefined {
  const there = requireNotReleased(record, tag);
  const left = withoutReferences(record, [tag]);
  if (there === undefined) return left === record ? undefined : left;
  const tags = new Map(record.tags);
  tags.delete(tag);
  return withUntagged(left, tags, [there.digest], at);
}

/** @throws RegistryError NAME_TAKEN */
function requireFreeTag({ name, tags }: RepositoryRecord, tag: string): void {
  if (!tags.has(tag)) return;
  throw new RegistryError('NAME_TAKEN', `The repository ${name} has a tag ${tag} already.`);
}

/**
 * Gives a tag another name.
 *
 * @returns undefined where there is no such tag
 * @throws RegistryError TAG_RELEASED, NAME_TAKEN
 */
export function withRenamedTag(
  record: RepositoryRecord,
  tag: string,
  to: string,
): RepositoryRecord | undefined {
  const there = requireNotReleased(record, tag);
  if (there === undefined) return undefined;
  requireFreeTag(record, to);
  const tags = new Map(record.tags).set(to, there);
  tags.delete(tag);
  const versions = record.versions.map((version) =>
    version.tag === tag ? { ...version, tag: to } : version,
  );
  return { ...record, tags, versions };
}

const VERSION_TAG = /^[1-9]\d{0,8}$/;

/** The greatest tag that is a number; undefined: there is none. */
export function lastVersionOf({ tags }: RepositoryRecord): number | undefined {
  const numbers = [...tags.keys()].filter((tag) => VERSION_TAG.test(tag)).map(Number);
  return numbers.length === 0 ? undefined : numbers.reduce((most, each) => Math.max(most, each));
}

/** Whether a repository may be renamed or removed as a whole. @throws RegistryError TAG_RELEASED */
export function requireNothingReleased(record: RepositoryRecord): void {
  for (const tag of record.tags.keys()) requireNotReleased(record, tag);
}

/** @returns undefined where there is no such tag */
export function withReleased(
  record: RepositoryRecord,
  tag: string,
  isReleased: boolean,
): RepositoryRecord | undefined {
  const there = record.tags.get(tag);
  if (there === undefined) return undefined;
  const { isReleased: _before, ...rest } = there;
  const tags = new Map(record.tags).set(tag, isReleased ? { ...rest, isReleased } : rest);
  return { ...record, tags };
}

/** Removes manifests, the tags that point to them, and what is remembered of their versions. */
export function withoutManifests(record: RepositoryRecord, gone: ReadonlySet<DigestText>): RepositoryRecord {
  const goneTags = [...record.tags].filter(([, { digest }]) => gone.has(digest)).map(([tag]) => tag);
  return {
    ...withoutReferences(record, goneTags),
    tags: new Map([...record.tags].filter(([, { digest }]) => !gone.has(digest))),
    manifests: new Map([...record.manifests].filter(([digest]) => !gone.has(digest))),
    versions: record.versions.filter(({ digest }) => !gone.has(digest)),
  };
}

/**
 * Whether a manifest may be removed at a person's wish.
 *
 * @param options.isForced also where an index names it
 * @throws RegistryError TAG_RELEASED, MANIFEST_REFERENCED
 */
export function requireRemovable(
  record: RepositoryRecord,
  digest: DigestText,
  { isForced }: { readonly isForced: boolean },
): void {
  for (const [tag, there] of record.tags) if (there.digest === digest) requireNotReleased(record, tag);
  if (isForced) return;
  const indexes = [...record.manifests].filter(([, { children }]) => children.includes(digest));
  if (indexes.length === 0) return;
  throw new RegistryError(
    'MANIFEST_REFERENCED',
    `${digest} belongs to ${indexes.length} index(es) of ${record.name}: remove those first.`,
    { details: { digests: indexes.map(([each]) => each) } },
  );
}
