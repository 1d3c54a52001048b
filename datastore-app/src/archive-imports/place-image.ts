// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { storedLinks } from '../registry/manifest-content.ts';
import type { NamedImage } from './import-names.ts';

export interface PlaceImageDeps {
  /** What is here, staging repositories among it. */
  readonly store: Pick<RegistryStore, 'mountBlob'>;
  /** As clients see it: it refuses where nothing can be pushed. */
  readonly shown: Pick<RegistryStore, 'putManifest' | 'tagNextVersion'>;
}

export interface PlacedImage {
  /** Of manifests that were not there before. */
  readonly newBytes: number;
  /** That lead to it now; of a next version its number first. */
  readonly tags: readonly string[];
}

/**
 * Gives an image its name, once everything it needs is in the staging repository: blobs first, then what its manifest
 * needs and what refers to it, and the tags last. Cut off in between, nothing is named that is not whole.
 *
 * @throws RegistryError, StoreError
 */
export async function placeImage(
  { store, shown }: PlaceImageDeps,
  { image, repository, tags, source, isNextVersion }: NamedImage,
  staging: string,
  by: string,
): Promise<PlacedImage> {
  let newBytes = 0;
  for (const { digest } of image.blobs.values()) {
    await store.mountBlob(digest, { from: staging, to: repository, mayPull: () => true });
  }
  const put = async ({ digest, mediaType, bytes }: ManifestDocument, named: readonly string[]) => {
    const { isNew } = await shown.putManifest(repository, {
      ...{ digest, mediaType, bytes, by, tags: named },
      ...(source !== repository && { source }),
      ...storedLinks(parseManifest(bytes, mediaType)),
    });
    if (isNew) newBytes += bytes.length;
  };
  const tagOf = new Map([...image.attached].map(([tag, { digest }]) => [formatDigest(digest), tag]));
  for (const other of image.others) {
    const tag = tagOf.get(formatDigest(other.digest));
    await put(other, tag === undefined ? [] : [tag]);
  }
  await put(image.root, isNextVersion ? [] : tags);
  if (!isNextVersion) return { newBytes, tags };
  const version = await shown.tagNextVersion(repository, image.root.digest, by);
  if (version === undefined) throw new Error(`${formatDigest(image.root.digest)} is gone from ${repository}`);
  return { newBytes, tags: [version, ...tags] };
}
