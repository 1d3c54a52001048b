// SPDX-License-Identifier: Apache-2.0
import { readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import type { Platform } from '@local-datastore/shared/oci/descriptor';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { type ImageToArchive, isDockerLoadable } from '@local-datastore/shared/oci/image-archive';
import { platformText } from '@local-datastore/shared/oci/platform';
import { archiveBytes, writeImageArchive } from '../content/image-archive.ts';
import { type OciLayout, openOciLayout } from '../content/oci-layout.ts';
import type { Origin } from '../discovery/origin.ts';
import { RegistryError } from '../registry/errors.ts';
import { type BlobTotals, fetchBlobs } from '../registry/fetch-blobs.ts';
import type { RegistryImage } from '../registry/image-reference.ts';
import type { ImageRequest, ImageWay, OpenImageWay } from '../registry/image-way.ts';
import type { Manifest } from '../registry/registry-client.ts';
import { configOf, platformOfConfig, type ResolvedImage } from '../registry/resolve-image.ts';
import type { DownloadObserver } from '../transfer/download-request.ts';

export const IMAGE_FORMS = ['oci-layout', 'oci-archive', 'docker-archive'] as const;
export type ImageForm = (typeof IMAGE_FORMS)[number];

export interface ImagePullRequest extends ImageRequest {
  readonly form: ImageForm;
  /** Absolute: of a layout the folder, else the file. */
  readonly target: string;
  /** Absolute: the folder in which the blobs of an archive wait until all are there. Default: a hidden one beside it. */
  readonly parts?: string;
}

/** @typeParam Place as of an {@link ImageWay} */
export interface PulledImage<Place extends Origin | null = Origin> extends BlobTotals {
  /** What the tag leads to: of an image for several platforms their index. */
  readonly digest: string;
  readonly manifestDigest: string;
  readonly mediaType: string;
  /** Null: nobody states one. */
  readonly platform: string | null;
  /** Of the manifest, the configuration and the layers. */
  readonly sizeBytes: number;
  readonly blobs: number;
  /** What was here and whole before. */
  readonly presentBytes: number;
  readonly origin: Place;
}

/** The image as archives and layouts take it: its manifest by sha256, whatever it was asked for by. */
function toArchive({ manifest }: ResolvedImage<Manifest>, { taggedName }: RegistryImage): ImageToArchive {
  const { bytes, mediaType } = manifest;
  return {
    manifest: { digest: contentDigest(bytes), mediaType, bytes },
    children: [],
    names: taggedName === null ? [] : [taggedName],
  };
}

/** What the image itself says it runs on, where no index did. */
async function readPlatform(
  layout: OciLayout,
  { manifest }: ResolvedImage<Manifest>,
): Promise<Platform | null> {
  const config = configOf(manifest);
  return config === null ? null : platformOfConfig(await readFile(layout.blobPath(config.digest)));
}

const partsBeside = (target: string) => join(dirname(target), `.${basename(target)}.parts`);

async function finish(
  layout: OciLayout,
  image: ImageToArchive,
  { form, target }: ImagePullRequest,
  signal: AbortSignal,
): Promise<void> {
  if (form === 'oci-layout') {
    await layout.name(image);
    return;
  }
  await writeImageArchive(target, image, layout.blobPath, signal);
  await rm(layout.folder, { recursive: true, force: true });
  await syncDirectory(dirname(target));
}

/**
 * Makes the pull of one image from a registry to one folder or file: left whole and verified, or as it was. What has
 * arrived when it fails stays, and the next call goes on from there.
 *
 * @throws (the returned function) RegistryError, TransferError, ContentError, TargetError, SpaceError; what `locate`
 *   throws; the signal's reason
 */
export function createImagePull<Place extends Origin | null>(openWay: OpenImageWay<Place>) {
  /** @param way to the image; it stays the caller's to close */
  async function pull(
    way: ImageWay<Place>,
    request: ImagePullRequest,
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<PulledImage<Place>> {
    const { image, form, target, parts = partsBeside(target) } = request;
    const { resolved, place } = await way.resolve(signal);
    if (form === 'docker-archive' && !isDockerLoadable(resolved.manifest.links)) {
      const message = `${image.name} is no image that Docker could load: take --form oci-layout or oci-archive`;
      throw new RegistryError('MANIFEST_INVALID', message);
    }
    const archived = toArchive(resolved, image);
    const { digest: manifestDigest } = archived.manifest;
    const manifestBytes = resolved.manifest.bytes.length;
    const algorithms = new Set(
      [manifestDigest, ...resolved.blobs.map(({ digest }) => digest)].map(({ algorithm }) => algorithm),
    );
    const layout = await openOciLayout(form === 'oci-layout' ? target : parts, algorithms);
    try {
      const missing: (typeof resolved.blobs)[number][] = [];
      let presentBytes = 0;
      for (const blob of resolved.blobs) {
        const { sizeBytes } = blob;
        if (await layout.hasBlob(blob, signal)) presentBytes += sizeBytes;
        else missing.push(blob);
      }
      await layout.requireSpace(
        missing,
        manifestBytes + (form === 'oci-layout' ? 0 : archiveBytes(archived)),
      );
      const totals = await fetchBlobs(
        (blob, isSmall, each, until) =>
          way.fetchBlob(blob, { path: layout.blobPath(blob.digest), isSmall }, each, until),
        missing,
        observer,
        presentBytes,
        signal,
      );
      observer.onEvent({ kind: 'verifying' });
      const platform = resolved.platform ?? (await readPlatform(layout, resolved));
      await layout.writeBlob(manifestDigest, resolved.manifest.bytes);
      await finish(layout, archived, request, signal);
      return {
        digest: formatDigest(resolved.digest),
        manifestDigest: formatDigest(manifestDigest),
        mediaType: resolved.manifest.mediaType,
        platform: platform === null ? null : platformText(platform),
        sizeBytes: resolved.blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, manifestBytes),
        blobs: resolved.blobs.length,
        presentBytes,
        ...totals,
        origin: place,
      };
    } finally {
      layout.close();
    }
  }

  return async (
    request: ImagePullRequest,
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<PulledImage<Place>> => {
    const way = await openWay(request, signal);
    try {
      return await pull(way, request, observer, signal);
    } finally {
      way.close();
    }
  };
}
