// SPDX-License-Identifier: Apache-2.0
import { readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import type { Platform } from '@local-datastore/shared/oci/descriptor';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { type ImageToArchive, isDockerLoadable } from '@local-datastore/shared/oci/image-archive';
import { platformText } from '@local-datastore/shared/oci/platform';
import { createFileTarget, HASH_LANE_BYTES } from '../content/file-target.ts';
import { createHashLanes } from '../content/hash-lanes.ts';
import { archiveBytes, writeImageArchive } from '../content/image-archive.ts';
import { type OciLayout, openOciLayout } from '../content/oci-layout.ts';
import { createSmallFileTarget } from '../content/small-file-target.ts';
import type { Origin } from '../discovery/origin.ts';
import { createRegistryAuthorization } from '../registry/authorization.ts';
import { RegistryError } from '../registry/errors.ts';
import { type BlobTotals, fetchBlobs } from '../registry/fetch-blobs.ts';
import { createFetchDocument } from '../registry/fetch-document.ts';
import type { RegistryImage } from '../registry/image-reference.ts';
import { createRegistryClient } from '../registry/registry-client.ts';
import {
  configOf,
  type PlatformWish,
  platformOfConfig,
  type ResolvedImage,
  resolveImage,
} from '../registry/resolve-image.ts';
import { createDownload } from '../transfer/download.ts';
import type { DownloadDeps, DownloadObserver, DownloadOptions } from '../transfer/download-request.ts';

export const IMAGE_FORMS = ['oci-layout', 'oci-archive', 'docker-archive'] as const;
export type ImageForm = (typeof IMAGE_FORMS)[number];

export interface ImagePullRequest {
  readonly image: RegistryImage;
  readonly wish: PlatformWish;
  readonly form: ImageForm;
  /** Absolute: of a layout the folder, else the file. */
  readonly target: string;
  /** The value of `Authorization` that a person gave. */
  readonly authorization: string | null;
  /** PEM that replaces the system's roots. */
  readonly ca: string | null;
}

export interface PulledImage extends BlobTotals {
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
  readonly origin: Origin;
}

/** The image as archives and layouts take it: its manifest by sha256, whatever it was asked for by. */
function toArchive({ manifest }: ResolvedImage, { taggedName }: RegistryImage): ImageToArchive {
  const { bytes, mediaType } = manifest;
  return {
    manifest: { digest: contentDigest(bytes), mediaType, bytes },
    children: [],
    names: taggedName === null ? [] : [taggedName],
  };
}

/** What the image itself says it runs on, where no index did. */
async function readPlatform(layout: OciLayout, { manifest }: ResolvedImage): Promise<Platform | null> {
  const config = configOf(manifest);
  return config === null ? null : platformOfConfig(await readFile(layout.blobPath(config.digest)));
}

/** Hidden, beside an archive: where its blobs wait until all are there. */
const partsFolder = (target: string) => join(dirname(target), `.${basename(target)}.parts`);

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
export function createImagePull(deps: DownloadDeps, options: DownloadOptions) {
  const fetchDocument = createFetchDocument(deps, options);
  const download = createDownload(deps, options);

  return async (
    request: ImagePullRequest,
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<PulledImage> => {
    const { image, wish, form, target, ca } = request;
    const authorization = createRegistryAuthorization(fetchDocument, {
      ...{ registry: image.registry, repository: image.repository, ca },
      given: request.authorization,
      allowsInternal: options.allowsInternalRedirects === true,
    });
    const client = createRegistryClient(fetchDocument, { image, authorization, ca });
    const resolved = await resolveImage(client, image, wish, signal);
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
    const layout = await openOciLayout(form === 'oci-layout' ? target : partsFolder(target), algorithms);
    const lanes = createHashLanes(HASH_LANE_BYTES);
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
        {
          ...{ client, authorization, ca, download },
          targetOf({ digest, sizeBytes }, isSmall) {
            const path = layout.blobPath(digest);
            const { algorithm } = digest;
            return isSmall
              ? createSmallFileTarget(path, sizeBytes, algorithm)
              : createFileTarget(path, { lanes, algorithm });
          },
        },
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
        origin: resolved.manifest.origin,
      };
    } finally {
      lanes.close();
      layout.close();
    }
  };
}
