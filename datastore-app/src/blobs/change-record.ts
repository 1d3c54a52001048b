import type { DigestText } from './blob-files.ts';
import { RegistryError } from './registry-error.ts';
import type { ManifestRecord, RepositoryRecord, TagRecord } from './repository-record.ts';

/** Of each tag so many of its versions are remembered. */
const MAX_VERSIONS = 100;

export const emptyRecord = (name: string, at: string): RepositoryRecord => ({
  ...{ name, created: at, tags: new Map(), manifests: new Map(), versions: [] },
});

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

function requireNotReleased(record: RepositoryRecord, tag: string): TagRecord | undefined {
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
  }: { tags: readonly string[]; at: string; by: string | undefined; source?: string | undefined },
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
  const { manifests, ...rest } = withUntagged({ ...record, versions }, tags, left, at);
  const known = manifests.get(digest);
  // Pushed again it is as new, and so is its time without a tag.
  const { untagged: _untagged, ...kept } = known ?? manifest;
  return {
    ...rest,
    ...(source !== undefined && { source }),
    manifests: new Map(manifests).set(digest, { ...kept, at }),
  };
}

/** @returns undefined where there is no such tag @throws RegistryError TAG_RELEASED */
export function withoutTag(record: RepositoryRecord, tag: string, at: string): RepositoryRecord | undefined {
  const there = requireNotReleased(record, tag);
  if (there === undefined) return undefined;
  const tags = new Map(record.tags);
  tags.delete(tag);
  return withUntagged(record, tags, [there.digest], at);
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
  return {
    ...record,
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
