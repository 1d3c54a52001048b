// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { isNondistributable } from '@local-datastore/shared/oci/media-types';
import type { ArchiveRepository, Archives } from '../archives/archives.ts';
import type { RepositoryRecord } from '../blobs/repository-record.ts';
import type { UpstreamStatus } from '../upstream/open-upstreams.ts';

/** Where the images of a repository come from. */
export type RepositoryOrigin =
  | { readonly kind: 'pushed' }
  /** @property archive the image of the root that it is, by its path */
  | { readonly kind: 'archive'; readonly archive: string }
  /** @property upstream scheme, host and port */
  | { readonly kind: 'upstream'; readonly upstream: string };

/** A repository, whatever it is made of. */
export interface KnownRepository {
  readonly record: RepositoryRecord;
  readonly origin: RepositoryOrigin;
}

/** @throws RegistryError REPOSITORY_UNREADABLE @returns undefined where there is none */
export type FindRepository = (name: string) => KnownRepository | undefined;

export interface KnownRepositoriesDeps {
  /** What was pushed or imported. @throws RegistryError REPOSITORY_UNREADABLE */
  recordOf(name: string): RepositoryRecord | undefined;
  readonly archives: Pick<Archives, 'repositories'>;
  upstreams(): readonly Pick<UpstreamStatus, 'prefix' | 'url'>[];
}

/** An archive as if it had been pushed when its file was last written. */
function recordOfArchive(name: string, { image, tags, manifests }: ArchiveRepository): RepositoryRecord {
  const at = new Date(Number(image.version.mtimeNs / 1_000_000n)).toISOString();
  const records = [...manifests].map(([digest, { mediaType, bytes }]) => {
    const { config, layers, children, subject, artifactType } = parseManifest(bytes, mediaType);
    const blobs = [...[config ?? []].flat(), ...layers.filter((each) => !isNondistributable(each.mediaType))];
    const record = {
      ...{ mediaType, sizeBytes: bytes.length, at, artifactType },
      blobs: blobs.map((each) => ({ digest: formatDigest(each.digest), sizeBytes: each.sizeBytes })),
      children: children.map((each) => formatDigest(each.digest)),
      subject: subject && formatDigest(subject.digest),
    };
    return [digest, record] as const;
  });
  return {
    ...{ name, created: at, manifests: new Map(records), versions: [] },
    tags: new Map([...tags].map(([tag, digest]) => [tag, { digest: formatDigest(digest), at }])),
  };
}

/** Finds repositories with what is remembered of them. */
export function createRepositoryFinder({
  recordOf,
  archives,
  upstreams,
}: KnownRepositoriesDeps): FindRepository {
  const ofArchives = new WeakMap<ArchiveRepository, RepositoryRecord>();
  return (name) => {
    const archive = archives.repositories().get(name);
    if (archive !== undefined) {
      const record = ofArchives.get(archive) ?? recordOfArchive(name, archive);
      ofArchives.set(archive, record);
      return { record, origin: { kind: 'archive', archive: archive.image.path } };
    }
    const record = recordOf(name);
    if (record === undefined) return undefined;
    const upstream = upstreams().find(({ prefix }) => name.startsWith(`${prefix}/`))?.url;
    return { record, origin: upstream === undefined ? { kind: 'pushed' } : { kind: 'upstream', upstream } };
  };
}
