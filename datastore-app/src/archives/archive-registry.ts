// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import type { Referrer, RegistryStore, StoredManifest } from '../blobs/registry-store.ts';
import { byteSourceOf } from '../content/byte-source.ts';
import { isSameVersion } from '../content/file-version.ts';
import type { OpenFile } from '../content/open-file.ts';
import type { ArchiveRepository, Archives } from './archives.ts';

/** What can be read of a registry. */
export type RegistryReader = Pick<
  RegistryStore,
  | 'statBlob'
  | 'openBlob'
  | 'readManifest'
  | 'statManifest'
  | 'listTags'
  | 'listReferrers'
  | 'listRepositories'
>;

export interface ArchiveRegistryDeps {
  readonly archives: Pick<Archives, 'repositories'>;
  /** From createImageOpener. */
  readonly openImage: (path: string) => OpenFile | undefined;
}

/** Serves repositories out of archives of the root: each blob from where it stands in its archive. */
export function createArchiveRegistry({ archives, openImage }: ArchiveRegistryDeps): RegistryReader {
  const find = (repository: string) => archives.repositories().get(repository);

  function findManifest(
    found: ArchiveRepository | undefined,
    reference: { readonly tag: string } | { readonly digest: OciDigest },
  ): StoredManifest | undefined {
    const digest = 'tag' in reference ? found?.tags.get(reference.tag) : reference.digest;
    return digest && found?.manifests.get(formatDigest(digest));
  }

  return {
    async statBlob(repository, digest) {
      const blob = find(repository)?.blobs.get(formatDigest(digest));
      return blob && { digest, sizeBytes: blob.sizeBytes };
    },

    async openBlob(repository, digest) {
      const found = find(repository);
      const blob = found?.blobs.get(formatDigest(digest));
      const file = blob && openImage(found?.image.path ?? '');
      if (found === undefined || blob === undefined || file === undefined) return undefined;
      // What stands there now was not read: it is offered once it has been.
      if (!isSameVersion(file.version, found.image.version)) {
        closeSync(file.fd);
        return undefined;
      }
      const { offset, sizeBytes } = blob;
      const source = byteSourceOf([{ kind: 'file', file, offset, length: sizeBytes }]);
      return { digest, sizeBytes, source };
    },

    async readManifest(repository, reference) {
      return findManifest(find(repository), reference);
    },

    async statManifest(repository, reference) {
      const manifest = findManifest(find(repository), reference);
      if (manifest === undefined) return undefined;
      const { digest, mediaType, bytes } = manifest;
      return { digest, mediaType, sizeBytes: bytes.length };
    },

    async listTags(repository, { last = '', limit }) {
      const found = find(repository);
      if (found === undefined) return undefined;
      const names = [...found.tags.keys()].filter((tag) => tag > last).sort();
      return { names: names.slice(0, limit), isMore: names.length > limit };
    },

    async listReferrers(repository, digest, artifactType) {
      const referrers: Referrer[] = [];
      for (const { mediaType, bytes, ...manifest } of find(repository)?.manifests.values() ?? []) {
        const links = parseManifest(bytes, mediaType);
        if (links.subject === undefined || formatDigest(links.subject.digest) !== formatDigest(digest))
          continue;
        if (artifactType !== undefined && links.artifactType !== artifactType) continue;
        referrers.push({
          digest: manifest.digest,
          sizeBytes: bytes.length,
          mediaType,
          artifactType: links.artifactType,
        });
      }
      return referrers;
    },

    async listRepositories({ last = '', limit, isVisible }) {
      const names = [...archives.repositories()]
        .filter(([name, { tags }]) => name > last && tags.size > 0 && isVisible(name))
        .map(([name]) => name);
      return { names: names.slice(0, limit), isMore: names.length > limit };
    },
  };
}
