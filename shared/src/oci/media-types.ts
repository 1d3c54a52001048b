// SPDX-License-Identifier: Apache-2.0
/** Of the image specification (media-types.md), and of Docker's image manifest version 2, schema 2. */
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';

export type ManifestKind = 'manifest' | 'index';

/** What each document is that a registry keeps under a tag. */
export const MANIFEST_KINDS: Readonly<Record<string, ManifestKind>> = {
  [OCI_MANIFEST]: 'manifest',
  [OCI_INDEX]: 'index',
  [DOCKER_MANIFEST]: 'manifest',
  [DOCKER_LIST]: 'index',
};

/** @returns undefined where it is the media type of no manifest, or of Docker's schema 1 */
export const manifestKind = (mediaType: string): ManifestKind | undefined =>
  Object.hasOwn(MANIFEST_KINDS, mediaType) ? MANIFEST_KINDS[mediaType] : undefined;

/** Docker's schema 1, signed or not: its digest is not that of its bytes. */
export const isSchema1 = (mediaType: string): boolean =>
  /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:prettyjws|json)$/.test(mediaType);

const FOREIGN_LAYER = 'application/vnd.docker.image.rootfs.foreign.diff.tar';
const NONDISTRIBUTABLE_LAYER = 'application/vnd.oci.image.layer.nondistributable.v1.tar';

/** Whether a layer comes from elsewhere, so that a registry need not have its blob (media-types.md). */
export const isNondistributable = (mediaType: string): boolean =>
  [FOREIGN_LAYER, NONDISTRIBUTABLE_LAYER].some(
    (type) => mediaType === type || mediaType.startsWith(`${type}+`) || mediaType.startsWith(`${type}.`),
  );

/** A media type without its parameters, in lower case (RFC 9110 §8.3.1). */
export const withoutParameters = (contentType: string): string =>
  (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();

/** Whether a config is that of an image which engines run, by its media type. */
export const isImageConfig = (mediaType: string): boolean =>
  mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG;
