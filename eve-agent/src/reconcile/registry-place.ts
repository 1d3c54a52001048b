// SPDX-License-Identifier: Apache-2.0
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import type { DatastoreConfig } from '@local-datastore/shared/eve/datastore-config';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { parseRegistryImage, type RegistryImage, type RegistryScheme } from '../registry/image-reference.ts';

/** What a registry is asked for. */
export type RegistryContent =
  /** Which manifest and which blobs a name stands for. */
  | { readonly kind: 'image'; readonly image: RegistryImage }
  | { readonly kind: 'manifest'; readonly image: RegistryImage; readonly digest: OciDigest }
  | { readonly kind: 'blob'; readonly image: RegistryImage };

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** How the registry of a `fqdn` is spoken to; undefined: as its name has it. */
function schemeOf(fqdn: string, hasCertificates: boolean): RegistryScheme | undefined {
  const scheme = SCHEME.exec(fqdn)?.[1]?.toLowerCase() ?? 'docker';
  if (scheme === 'http' || scheme === 'https') return scheme;
  if (scheme !== 'docker') throw new Error(`fqdn: docker, http or https expected, not ${scheme}`);
  return hasCertificates ? 'https' : undefined;
}

/** OCI distribution-spec end-2 and end-3. */
export const registryUrl = (
  { registry, repository }: RegistryImage,
  kind: 'manifests' | 'blobs',
  reference: string,
): URL => new URL(`/v2/${repository}/${kind}/${reference}`, registry);

/** With the digest that a tree's sha256 is: it says which image is meant, whatever the tag leads to. */
function pinImage(image: RegistryImage, sha256: string): RegistryImage {
  if (sha256 === '') return image;
  const digest: OciDigest = { algorithm: 'sha256', hex: sha256.toLowerCase() };
  if (image.digest !== null && formatDigest(image.digest) !== formatDigest(digest)) {
    throw new Error(`URL names ${formatDigest(image.digest)}, and sha256 is ${digest.hex}`);
  }
  return { ...image, digest };
}

/**
 * The image of a content tree in a registry, named as EVE's downloader does: `fqdn`, `dpath` and the tree's URL, with
 * one slash between; the tag stands in the URL. The scheme is `docker`: https, and http for names on `.local` without
 * certificates and for loopback. `http` and `https`, which EVE does not know there, say it otherwise.
 *
 * @throws RegistryError; Error naming what is wrong
 */
export function readRegistryPlace(
  { fqdn, dpath, dsCertPEM = [] }: DatastoreConfig,
  { URL: relativeUrl, iformat, sha256 }: Pick<ContentTree, 'URL' | 'iformat' | 'sha256'>,
): { readonly url: URL; readonly registry: RegistryContent } {
  if (iformat !== 'CONTAINER') {
    throw new Error(`a container registry holds images of iformat CONTAINER, not ${iformat}`);
  }
  const scheme = schemeOf(fqdn, dsCertPEM.length > 0);
  const parts = [fqdn.replace(SCHEME, ''), dpath, relativeUrl].map((part) => part.replace(/^\/+|\/+$/g, ''));
  const image = pinImage(parseRegistryImage(parts.filter(Boolean).join('/'), scheme), sha256);
  const reference = image.digest === null ? (image.tag ?? '') : formatDigest(image.digest);
  return { url: registryUrl(image, 'manifests', reference), registry: { kind: 'image', image } };
}
