// SPDX-License-Identifier: Apache-2.0
import {
  COMPRESSION_MAGIC_BYTES,
  compressionOf,
  isUnpacked,
} from '@local-datastore/shared/compression/compression-of';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import type { Descriptor } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import type { LayoutEntry } from '@local-datastore/shared/oci/layout-entries';
import { MAX_MANIFEST_BYTES, ManifestError, parseManifest } from '@local-datastore/shared/oci/manifest';
import { isNondistributable, manifestKind, OCI_CONFIG } from '@local-datastore/shared/oci/media-types';
import * as z from 'zod';
import type { ImageSource } from '../image-source.ts';
import {
  type ArchiveMembers,
  type ListMembers,
  type MemberPlace,
  readArchiveMembers,
} from './archive-members.ts';
import { type DockerArchiveImage, readDockerArchive } from './docker-archive.ts';
import { blobMember, readOciArchive } from './oci-archive.ts';

export type ContainerArchiveForm = 'docker-archive' | 'oci-archive';

/** A manifest as it stands in the archive, or the parts of one that has to be written for it. */
export type ArchivedManifest =
  | { readonly kind: 'stored'; readonly descriptor: Descriptor; readonly bytes: Buffer }
  | { readonly kind: 'described'; readonly config: ArchivedBlob; readonly layers: readonly ArchivedBlob[] };

/** A config or a layer. */
export interface ArchivedBlob extends MemberPlace {
  readonly mediaType: string;
  /** What it must have; undefined: only reading it tells. */
  readonly expected: OciDigest | undefined;
}

export interface ArchivedImage {
  /** How the archive calls it: names with or without a tag, or tags alone. */
  readonly names: readonly string[];
  readonly manifest: ArchivedManifest;
}

/** A container archive, read as far as its small members say. Nothing of its layers has been looked at. */
export interface ContainerArchive {
  readonly form: ContainerArchiveForm;
  /** What the archive itself names. */
  readonly images: readonly ArchivedImage[];
  /** Manifests that only others name, such as those of an index. */
  readonly children: readonly ArchivedManifest[];
  /** All configs and layers that the manifests need, each place once, in the order in which they stand. */
  readonly blobs: readonly ArchivedBlob[];
}

/** An archive of containers that cannot be offered as it is. */
export class ArchiveError extends Error {
  override name = 'ArchiveError';
}

const LAYER = 'application/vnd.oci.image.layer.v1.tar';
/** An index of indexes is as deep as anybody goes. */
const MAX_DEPTH = 4;
const MAX_MANIFESTS = 1000;
const CONFIG = z.object({ rootfs: z.object({ diff_ids: z.array(z.string()) }) });

/**
 * Reads a container archive as `docker save`, skopeo, podman and others write it. One that is an image layout is read
 * as such, whatever else stands in it: then the digests are those of whoever made the images.
 *
 * @returns undefined where it is no container archive
 * @throws ArchiveError with a sentence for a person; whatever `readAt` and `listMembers` throw
 */
export async function readContainerArchive(
  readAt: ImageSource['readAt'],
  sizeBytes: number,
  listMembers?: ListMembers,
): Promise<ContainerArchive | undefined> {
  const members = await readArchiveMembers(readAt, sizeBytes, listMembers);
  if (members === undefined) throw new ArchiveError('It ends within a member: only a part of it is here.');
  const layout = orThrow(await readOciArchive(readAt, members));
  if (layout !== undefined && layout.length > 0) return fromLayout(readAt, members, layout);
  const saved = orThrow(await readDockerArchive(readAt, members));
  return saved === undefined ? undefined : fromSaved(readAt, saved);
}

function orThrow<T>(read: T | string): T {
  if (typeof read === 'string') throw new ArchiveError(read);
  return read;
}

/** By place, as layers that images share stand there once. */
function inOrder(blobs: Iterable<ArchivedBlob>): ArchivedBlob[] {
  const byPlace = new Map([...blobs].map((blob) => [blob.offset, blob]));
  return [...byPlace.values()].sort((a, b) => a.offset - b.offset);
}

async function fromLayout(
  readAt: ImageSource['readAt'],
  members: ArchiveMembers,
  named: readonly LayoutEntry[],
): Promise<ContainerArchive> {
  const manifests = new Map<string, ArchivedManifest>();
  const blobs: ArchivedBlob[] = [];

  async function addBlob(descriptor: Descriptor): Promise<void> {
    const { digest, sizeBytes, mediaType } = descriptor;
    const place = blobMember(members, digest);
    if (place === undefined) {
      if (isNondistributable(mediaType)) return;
      throw new ArchiveError(`One of its images needs ${formatDigest(digest)}, which is not in it.`);
    }
    if (place.sizeBytes !== sizeBytes) {
      throw new ArchiveError(`Its ${formatDigest(digest)} has ${place.sizeBytes} bytes, not ${sizeBytes}.`);
    }
    blobs.push({ ...place, mediaType, expected: digest });
  }

  /** @returns undefined where an index names what the archive leaves out, and for what is no manifest */
  async function addManifest(descriptor: Descriptor, depth: number): Promise<ArchivedManifest | undefined> {
    const { digest, mediaType } = descriptor;
    const key = formatDigest(digest);
    const known = manifests.get(key);
    if (known !== undefined) return known;
    const place = blobMember(members, digest);
    if (place === undefined || manifestKind(mediaType) === undefined) return undefined;
    if (depth > MAX_DEPTH || manifests.size >= MAX_MANIFESTS || place.sizeBytes > MAX_MANIFEST_BYTES) {
      throw new ArchiveError(`Its manifests are too many, too deep or too large: ${key} is not looked at.`);
    }
    const bytes = await readAt(place.offset, place.sizeBytes);
    const { hex } = contentDigest(bytes, digest.algorithm);
    if (hex !== digest.hex) throw new ArchiveError(`Its ${key} is damaged: it has the digest ${hex}.`);
    const manifest: ArchivedManifest = { kind: 'stored', descriptor, bytes };
    manifests.set(key, manifest);
    const { config, layers, children } = parseStored(key, bytes, mediaType);
    for (const each of config === undefined ? layers : [config, ...layers]) await addBlob(each);
    for (const child of children) await addManifest(child, depth + 1);
    return manifest;
  }

  const images: ArchivedImage[] = [];
  for (const { descriptor, name } of named) {
    const manifest = await addManifest(descriptor, 1);
    if (manifest !== undefined) images.push({ names: name === undefined ? [] : [name], manifest });
  }
  const roots = new Set(images.map(({ manifest }) => manifest));
  const children = [...manifests.values()].filter((manifest) => !roots.has(manifest));
  return { form: 'oci-archive', images, children, blobs: inOrder(blobs) };
}

function parseStored(key: string, bytes: Buffer, mediaType: string) {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof ManifestError) throw new ArchiveError(`Its ${key}: ${error.message}`);
    throw error;
  }
}

/**
 * Reads what `docker save` says of images.
 *
 * @throws ArchiveError with a sentence for a person; whatever `readAt` throws
 */
export async function fromSaved(
  readAt: ImageSource['readAt'],
  saved: readonly DockerArchiveImage[],
): Promise<ContainerArchive> {
  const images: ArchivedImage[] = [];
  for (const { config, layers, names } of saved) {
    if (config.sizeBytes > MAX_MANIFEST_BYTES) throw new ArchiveError('The config of an image is too large.');
    const bytes = await readAt(config.offset, config.sizeBytes);
    const diffIds = diffIdsOf(bytes);
    if (diffIds.length !== layers.length) {
      throw new ArchiveError(
        `The config of an image tells of ${diffIds.length} layers, and it has ${layers.length}.`,
      );
    }
    const manifest: ArchivedManifest = {
      kind: 'described',
      config: { ...config, mediaType: OCI_CONFIG, expected: contentDigest(bytes) },
      layers: await Promise.all(layers.map((layer, i) => layerOf(readAt, layer, diffIds[i]))),
    };
    images.push({ names, manifest });
  }
  const blobs = images.flatMap(({ manifest }) =>
    manifest.kind === 'described' ? [manifest.config, ...manifest.layers] : [],
  );
  return { form: 'docker-archive', images, children: [], blobs: inOrder(blobs) };
}

function diffIdsOf(config: Buffer): readonly string[] {
  try {
    return CONFIG.parse(JSON.parse(config.toString('utf8'))).rootfs.diff_ids;
  } catch (error) {
    throw new ArchiveError('The config of an image is no config of a container image.', { cause: error });
  }
}

/** The digest of a layer that is a plain tar is what the config says of it; of a compressed one nobody says it. */
async function layerOf(
  readAt: ImageSource['readAt'],
  place: MemberPlace,
  diffId: string | undefined,
): Promise<ArchivedBlob> {
  const head = await readAt(place.offset, Math.min(COMPRESSION_MAGIC_BYTES, place.sizeBytes));
  const compression = compressionOf(head);
  // A tar begins with a name, which no compression does.
  if (isUnpacked(compression)) {
    return { ...place, mediaType: `${LAYER}+${compression}`, expected: undefined };
  }
  const expected = parseOciDigest(diffId ?? '');
  if (expected === undefined) throw new ArchiveError(`The config of an image names "${diffId}" as a layer.`);
  return { ...place, mediaType: LAYER, expected };
}
