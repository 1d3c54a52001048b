// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { type Descriptor, descriptorDocument } from '@local-datastore/shared/oci/descriptor';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { OCI_INDEX } from '@local-datastore/shared/oci/media-types';
import type { RepositoryName } from '@local-datastore/shared/oci/reference';
import type { Referrer, RegistryStore } from '../blobs/registry-store.ts';
import { nextLink } from './paging.ts';
import { type RegistryResource, sendDocument } from './registry-call.ts';

export interface ReferrersDeps {
  readonly log: Log;
  readonly store: Pick<RegistryStore, 'listReferrers' | 'readManifest'>;
}

/** The answer is an index, and clients take one of 4 MiB; annotations may be long. */
const MAX_DESCRIPTORS = 200;
const MAX_ANNOTATION_BYTES = 2 * 1024 * 1024;

/** `/v2/<name>/referrers/<digest>`: what says that it is about a manifest, which need not be there (end-12). */
export function createReferrers({ log, store }: ReferrersDeps): RegistryResource<'referrers'> {
  /** The annotations stand in the manifest alone. */
  async function describe(repository: RepositoryName, referrer: Referrer): Promise<Descriptor> {
    const { mediaType, digest, sizeBytes, artifactType } = referrer;
    const descriptor = { mediaType, digest, sizeBytes, artifactType };
    try {
      const manifest = await store.readManifest(repository, { digest });
      if (manifest === undefined) return descriptor;
      const { annotations } = parseManifest(manifest.bytes, mediaType);
      return Object.keys(annotations).length === 0 ? descriptor : { ...descriptor, annotations };
    } catch (error) {
      log.warn(
        { repository, digest: formatDigest(digest), reason: errorMessage(error) },
        'a referrer cannot be read',
      );
      return descriptor;
    }
  }

  return {
    GET: {
      action: 'pull',
      async handle(call) {
        const { repository, digest } = call.path;
        const artifactType = call.query.get('artifactType') || undefined;
        const last = call.query.get('last') ?? '';
        const all = (await store.listReferrers(repository, digest, artifactType))
          .map((referrer) => ({ referrer, name: formatDigest(referrer.digest) }))
          .filter(({ name }) => name > last)
          .sort((a, b) => (a.name < b.name ? -1 : 1));
        const manifests: object[] = [];
        let sizeBytes = 0;
        let lastShown = '';
        for (const { referrer, name } of all) {
          if (manifests.length >= MAX_DESCRIPTORS || sizeBytes > MAX_ANNOTATION_BYTES) break;
          const descriptor = descriptorDocument(await describe(repository, referrer));
          sizeBytes += JSON.stringify(descriptor).length;
          manifests.push(descriptor);
          lastShown = name;
        }
        const isMore = manifests.length < all.length;
        const path = `/v2/${repository}/referrers/${formatDigest(digest)}`;
        const filter = artifactType === undefined ? {} : { artifactType };
        sendDocument(
          call,
          { schemaVersion: 2, mediaType: OCI_INDEX, manifests },
          {
            mediaType: OCI_INDEX,
            headers: {
              ...(artifactType !== undefined && { 'OCI-Filters-Applied': 'artifactType' }),
              ...(isMore && { Link: nextLink(path, { limit: MAX_DESCRIPTORS, last: lastShown }, filter) }),
            },
          },
        );
      },
    },
  };
}
