// SPDX-License-Identifier: Apache-2.0
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { RegistryError } from './errors.ts';
import type { Manifest } from './registry-client.ts';
import type { ManifestSource } from './resolve-image.ts';

/** A manifest as somebody said it is: nothing of it was checked. */
export interface ManifestDocument {
  readonly bytes: Buffer;
  /** What the registry called it. */
  readonly mediaType: string;
}

/**
 * Manifests that somebody else has fetched. Each is read only once its bytes have the digest that it is asked for by:
 * what a digest that is trusted leads to is as it was meant, whoever brought it.
 *
 * Its promises reject with RegistryError IMAGE_NOT_FOUND for what is not among them, and ManifestError.
 */
export function createManifestsAtHand(documents: readonly ManifestDocument[]): ManifestSource<Manifest> {
  const missing = (what: string) =>
    new RegistryError('IMAGE_NOT_FOUND', `${what} is not among the documents`);
  return {
    async readManifest(reference) {
      if (!('digest' in reference)) throw missing(`the tag ${reference.tag}`);
      const { digest } = reference;
      const found = documents.find(({ bytes }) => contentDigest(bytes, digest.algorithm).hex === digest.hex);
      if (found === undefined) throw missing(formatDigest(digest));
      const links = parseManifest(found.bytes, found.mediaType);
      return { bytes: found.bytes, digest, mediaType: links.mediaType, links };
    },
    async readBlob(digest) {
      throw missing(formatDigest(digest));
    },
  };
}
