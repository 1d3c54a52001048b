// SPDX-License-Identifier: Apache-2.0
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { type Descriptor, descriptorDocument } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciAlgorithm, type OciDigest } from '@local-datastore/shared/oci/digest';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import type { MemberPlace } from './archive-members.ts';
import {
  type ArchivedBlob,
  type ArchivedManifest,
  ArchiveError,
  type ContainerArchive,
  type ContainerArchiveForm,
} from './container-archive.ts';

/** What a registry can serve of an archive, from where it stands in it. */
export interface ArchiveView {
  readonly form: ContainerArchiveForm;
  /** In the order of the archive. */
  readonly images: readonly { readonly names: readonly string[]; readonly digest: OciDigest }[];
  readonly manifests: readonly ViewedManifest[];
  readonly blobs: readonly (MemberPlace & { readonly digest: OciDigest })[];
}

export interface ViewedManifest {
  readonly digest: OciDigest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** The algorithm by which a part of an archive is to be hashed. */
export const algorithmOf = ({ expected }: ArchivedBlob): OciAlgorithm => expected?.algorithm ?? 'sha256';

/**
 * Says what can be served of an archive whose parts have been read.
 *
 * A manifest is written for each image of `docker save`: the same for the same archive, with the layers as they are,
 * so that the image keeps its id, which is the digest of its config.
 *
 * @param hexOf what each of the archive's `blobs` has, by {@link algorithmOf}
 * @throws ArchiveError where a part is not what the archive says
 */
export function archiveView(
  { form, images, children, blobs }: ContainerArchive,
  hexOf: (blob: ArchivedBlob) => string,
): ArchiveView {
  const digests = new Map<number, OciDigest>();
  for (const blob of blobs) {
    const digest: OciDigest = { algorithm: algorithmOf(blob), hex: hexOf(blob) };
    if (blob.expected !== undefined && blob.expected.hex !== digest.hex) {
      throw new ArchiveError(
        `The part of it that should have ${formatDigest(blob.expected)} has ${formatDigest(digest)}: it is damaged.`,
      );
    }
    digests.set(blob.offset, digest);
  }
  const descriptorOf = ({ mediaType, offset, sizeBytes }: ArchivedBlob): Descriptor => {
    const digest = digests.get(offset);
    if (digest === undefined) throw new Error(`nothing was hashed at ${offset}`);
    return { mediaType, digest, sizeBytes };
  };
  const view = (manifest: ArchivedManifest): ViewedManifest => {
    if (manifest.kind === 'stored') {
      const { digest, mediaType } = manifest.descriptor;
      return { digest, mediaType, bytes: manifest.bytes };
    }
    return writeManifest(descriptorOf(manifest.config), manifest.layers.map(descriptorOf));
  };
  const viewed = images.map(({ names, manifest }) => ({ names, manifest: view(manifest) }));
  const manifests = new Map(
    [...viewed.map(({ manifest }) => manifest), ...children.map(view)].map((each) => [
      formatDigest(each.digest),
      each,
    ]),
  );
  return {
    form,
    images: viewed.map(({ names, manifest }) => ({ names, digest: manifest.digest })),
    manifests: [...manifests.values()],
    blobs: blobs.map(({ offset, sizeBytes, ...blob }) => ({
      ...{ offset, sizeBytes },
      digest: descriptorOf({ ...blob, offset, sizeBytes }).digest,
    })),
  };
}

function writeManifest(config: Descriptor, layers: readonly Descriptor[]): ViewedManifest {
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptorDocument(config),
    layers: layers.map(descriptorDocument),
  };
  const bytes = Buffer.from(JSON.stringify(document));
  return { digest: contentDigest(bytes), mediaType: OCI_MANIFEST, bytes };
}
