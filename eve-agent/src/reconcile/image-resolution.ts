// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { digestOfHex, formatDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { imageIndexText } from '@local-datastore/shared/oci/image-archive';
import * as z from 'zod';
import { type ImageFolder, imageFolder } from '../content/image-folders.ts';
import type { Manifest } from '../registry/registry-client.ts';
import type { ResolvedImage } from '../registry/resolve-image.ts';
import { registryUrl } from './registry-place.ts';
import { type Source, sourceOfContent } from './source.ts';

const HEX = z.string().regex(/^[0-9a-f]{64}$/);
const BLOB_HEX = z.string().regex(/^(?:[0-9a-f]{64}|[0-9a-f]{128})$/);
const sizeBytes = z.number().int().nonnegative();

/** What a name led to, once: it holds until the tree is configured otherwise. */
export const imageResolutionSchema = z.object({
  /** Of what the tag leads to: an image, or an index of images. */
  digest: z.string(),
  /** Of the image for this host. */
  manifest: z.object({ digest: z.string(), sha256: HEX, mediaType: z.string(), sizeBytes }),
  /** Configuration and layers, each once, by the digits of sha256, or of sha512 where the manifest names them so. */
  blobs: z.array(z.object({ sha256: BLOB_HEX, sizeBytes })),
});
export type ImageResolution = z.infer<typeof imageResolutionSchema>;

/** What a name led to, as it is kept. */
export function toImageResolution({ digest, manifest, blobs }: ResolvedImage<Manifest>): ImageResolution {
  return {
    digest: formatDigest(digest),
    manifest: {
      digest: formatDigest(manifest.digest),
      sha256: contentDigest(manifest.bytes).hex,
      mediaType: manifest.mediaType,
      sizeBytes: manifest.bytes.length,
    },
    blobs: blobs.map((blob) => ({ sha256: blob.digest.hex, sizeBytes: blob.sizeBytes })),
  };
}

/** The image of a tree. */
export interface DesiredImage {
  /** Under which what its name led to is kept: another one for every change of the tree that may mean another image. */
  readonly key: string;
  /** With its tag, as others know it; null: it has none. */
  readonly name: string | null;
  /** Null: nobody has said yet which image it is. */
  readonly resolved: ResolvedTreeImage | null;
}

/** The image of a tree, once it is known which. */
export interface ResolvedTreeImage {
  readonly resolution: ImageResolution;
  readonly contents: readonly ImageContent[];
  readonly folder: ImageFolder;
}

/** What content is kept by that is no file: which image a name stands for. */
export const isImageKey = (key: string): boolean => key.startsWith('image:');

/** @param datastoreIds of the tree */
export function imageKeyOf(
  { uuid, URL: url, sha256, generationCount = 0 }: ContentTree,
  datastoreIds: readonly string[],
): string {
  const facts = JSON.stringify([
    uuid.toLowerCase(),
    url,
    sha256.toLowerCase(),
    generationCount,
    datastoreIds,
  ]);
  return `image:${createHash('sha256').update(facts).digest('hex').slice(0, 32)}`;
}

/** One file that an image is made of. */
export interface ImageContent {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly sources: readonly Source[];
}

/** The files of an image: its manifest, and each of its blobs once. */
function contentsOfImage({ manifest, blobs }: ImageResolution, sources: readonly Source[]): ImageContent[] {
  const digest = parseOciDigest(manifest.digest);
  const at = (size: number, of: (source: Source) => Source | null) => ({
    sizeBytes: size,
    sources: sources.flatMap((source) => of(source) ?? []),
  });
  const manifestContent = at(manifest.sizeBytes, (source) => {
    if (source.registry === null || digest === undefined) return null;
    const { image } = source.registry;
    const url = registryUrl(image, 'manifests', formatDigest(digest));
    return sourceOfContent(source, url, { kind: 'manifest', image, digest }, manifest.sizeBytes);
  });
  const blobContents = blobs
    .filter(({ sha256 }) => sha256 !== manifest.sha256)
    .map((blob) => ({
      sha256: blob.sha256,
      ...at(blob.sizeBytes, (source) => {
        if (source.registry === null) return null;
        const { image } = source.registry;
        const url = registryUrl(image, 'blobs', formatDigest(digestOfHex(blob.sha256)));
        return sourceOfContent(source, url, { kind: 'blob', image }, blob.sizeBytes);
      }),
    }));
  return [{ sha256: manifest.sha256, ...manifestContent }, ...blobContents];
}

/** @param name with its tag; null: it has none */
export function resolvedImage(
  resolution: ImageResolution,
  name: string | null,
  sources: readonly Source[],
): ResolvedTreeImage {
  const { manifest } = resolution;
  const { mediaType, sha256, sizeBytes: size } = manifest;
  const descriptor = { mediaType, digest: { algorithm: 'sha256' as const, hex: sha256 }, sizeBytes: size };
  const contents = contentsOfImage(resolution, sources);
  const blobs = contents.map(({ sha256: hex }) => hex);
  const folder = imageFolder(imageIndexText(descriptor, name === null ? [] : [name]), blobs);
  return { resolution, contents, folder };
}
