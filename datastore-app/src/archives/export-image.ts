// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import {
  type ImageToArchive,
  imageArchive,
  isDockerLoadable,
  type ManifestDocument,
} from '@local-datastore/shared/oci/image-archive';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import {
  choosePlatform,
  isAttestation,
  listPlatforms,
  platformText,
  type WantedPlatform,
} from '@local-datastore/shared/oci/platform';
import { formatManifestReference } from '@local-datastore/shared/oci/reference';
import { type TarContent, tarParts, totalBytes } from '@local-datastore/shared/oci/tar-parts';
import type { ManifestReference } from '../blobs/registry-store.ts';
import { type ByteSource, byteSourceOf, type Segment } from '../content/byte-source.ts';
import type { RegistryReader } from './archive-registry.ts';

/** `oci-archive`: all that the name leads to; `docker-archive`: one image that every engine can load. */
export const EXPORT_FORMS = ['oci-archive', 'docker-archive'] as const;
export type ExportForm = (typeof EXPORT_FORMS)[number];

export interface ExportWish {
  readonly repository: string;
  readonly reference: ManifestReference;
  readonly form: ExportForm;
  /** Of an index: this image alone. */
  readonly platform?: WantedPlatform | undefined;
  /** How engines are to call it, with host and tag; undefined: they find it by its digest. */
  readonly name?: string | undefined;
}

/**
 * IMAGE_UNKNOWN: there is none of the name. PLATFORM_UNKNOWN: there is none for the platform, or there are several to
 * choose from. NOT_LOADABLE: it is no image that `docker load` takes. CONTENT_MISSING: a part of it is not here.
 */
export type ExportErrorCode = 'IMAGE_UNKNOWN' | 'PLATFORM_UNKNOWN' | 'NOT_LOADABLE' | 'CONTENT_MISSING';
export class ExportError extends CodedError<ExportErrorCode> {}

/** An image as an archive, of which nothing has been written anywhere. */
export interface PlannedExport {
  /** Of the manifest that is exported. */
  readonly digest: OciDigest;
  readonly sizeBytes: number;
  readonly parts: readonly TarContent[];
}

/** An index of indexes is as deep as anybody goes. */
const MAX_DEPTH = 4;
const MAX_MANIFESTS = 1000;

/** Everything that an index leads to, as far as it is here: of an index that was pulled in part that is not all. */
async function readChildren(
  reader: RegistryReader,
  repository: string,
  manifest: ManifestDocument,
): Promise<ManifestDocument[]> {
  const found = new Map<string, ManifestDocument>();
  let level = [manifest];
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth += 1) {
    const next: ManifestDocument[] = [];
    for (const { bytes, mediaType } of level) {
      for (const { digest } of parseManifest(bytes, mediaType).children) {
        if (found.has(formatDigest(digest)) || found.size >= MAX_MANIFESTS) continue;
        const child = await reader.readManifest(repository, { digest });
        if (child === undefined) continue;
        found.set(formatDigest(digest), child);
        next.push(child);
      }
    }
    level = next;
  }
  return [...found.values()];
}

/** The one image of an index that is meant. */
async function readPlatform(
  reader: RegistryReader,
  { repository, form, platform }: ExportWish,
  manifest: ManifestDocument,
): Promise<ManifestDocument> {
  let current = manifest;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const { kind, children } = parseManifest(current.bytes, current.mediaType);
    if (kind !== 'index') return current;
    const there = listPlatforms(children);
    const images = children.filter((each) => !isAttestation(each));
    const only = images.length === 1 ? images[0] : undefined;
    const chosen = platform === undefined ? only : choosePlatform(children, platform, true);
    if (chosen === undefined) {
      const message =
        platform === undefined
          ? `A ${form} holds one image, and there are several: choose a platform of ${there}.`
          : `There is no image for ${platformText(platform)}, but for: ${there}.`;
      throw new ExportError('PLATFORM_UNKNOWN', message);
    }
    const child = await reader.readManifest(repository, { digest: chosen.digest });
    if (child === undefined) {
      const message = `The image ${formatDigest(chosen.digest)} of the index is not here: only a part was pushed.`;
      throw new ExportError('CONTENT_MISSING', message);
    }
    current = child;
  }
  throw new ExportError('NOT_LOADABLE', 'It is an index of indexes, and too deep.');
}

/**
 * Says what an image of the registry is as an archive, and how large.
 *
 * @throws ExportError with a sentence for a person
 */
export async function planExport(reader: RegistryReader, wish: ExportWish): Promise<PlannedExport> {
  const { repository, reference, form, platform, name } = wish;
  const named = await reader.readManifest(repository, reference);
  if (named === undefined) {
    throw new ExportError(
      'IMAGE_UNKNOWN',
      `There is no image ${repository}:${formatManifestReference(reference)}.`,
    );
  }
  const isOne = form === 'docker-archive' || platform !== undefined;
  const manifest = isOne ? await readPlatform(reader, wish, named) : named;
  if (form === 'docker-archive' && !isDockerLoadable(parseManifest(manifest.bytes, manifest.mediaType))) {
    throw new ExportError(
      'NOT_LOADABLE',
      'It is no container image with all of its layers: export it as oci-archive.',
    );
  }
  const image: ImageToArchive = {
    manifest,
    children: isOne ? [] : await readChildren(reader, repository, manifest),
    names: name === undefined ? [] : [name],
  };
  const parts = tarParts(imageArchive([image]));
  return { digest: manifest.digest, sizeBytes: totalBytes(parts), parts };
}

/**
 * Opens all that an export is made of, so that it is of one piece whatever happens to the repository meanwhile.
 *
 * @returns a source; whoever has it closes it
 * @throws ExportError CONTENT_MISSING; errors of the system such as EMFILE
 */
export async function openExport(
  reader: RegistryReader,
  repository: string,
  { parts }: PlannedExport,
): Promise<ByteSource> {
  const segments: Segment[] = [];
  const opened: ByteSource[] = [];
  try {
    for (const part of parts) {
      if (part.kind === 'bytes') {
        segments.push({ kind: 'buffer', bytes: part.bytes });
        continue;
      }
      const blob = await reader.openBlob(repository, part.digest);
      if (blob !== undefined) opened.push(blob.source);
      if (blob?.sizeBytes !== part.sizeBytes) {
        throw new ExportError(
          'CONTENT_MISSING',
          `${formatDigest(part.digest)}, a part of it, is missing or damaged: push the image again.`,
        );
      }
      segments.push(...blob.source.segments);
    }
    return byteSourceOf(segments);
  } catch (error) {
    for (const source of opened) source.close();
    throw error;
  }
}
