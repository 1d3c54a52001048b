// SPDX-License-Identifier: Apache-2.0
import type { Descriptor } from '@local-datastore/shared/oci/descriptor';
import type { Origin } from '../discovery/origin.ts';
import type { DownloadObserver } from '../transfer/download-request.ts';
import type { BlobTotals } from './fetch-blobs.ts';
import type { RegistryImage } from './image-reference.ts';
import type { Manifest } from './registry-client.ts';
import type { PlatformWish, ResolvedImage } from './resolve-image.ts';

/** An image as it is asked for. */
export interface ImageRequest {
  readonly image: RegistryImage;
  readonly wish: PlatformWish;
  /** The value of `Authorization` that a person gave. */
  readonly authorization: string | null;
  /** PEM that replaces the system's roots. */
  readonly ca: string | null;
}

/**
 * The way to one image of a registry, whichever process speaks to that.
 *
 * @typeParam Place where its manifest came from; null: nobody says it
 */
export interface ImageWay<Place extends Origin | null> {
  /**
   * Finds what its name leads to.
   *
   * @throws RegistryError; ContentError; what the way there throws; the signal's reason
   */
  resolve(
    signal: AbortSignal,
  ): Promise<{ readonly resolved: ResolvedImage<Manifest>; readonly place: Place }>;
  /**
   * Fetches one of its blobs to a file, which is left whole and verified, or as it was. What has come stays beside it
   * when that fails, and the next call goes on from there.
   *
   * @param path absolute @param isSmall whether it is one of several at the same time
   * @throws as a download
   */
  fetchBlob(
    blob: Descriptor,
    file: { readonly path: string; readonly isSmall: boolean },
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<BlobTotals>;
  /** Nothing of it is under way by then. */
  close(): void;
}

/** @throws (the returned promise) what keeps anybody from speaking to registries; the signal's reason */
export type OpenImageWay<Place extends Origin | null> = (
  request: ImageRequest,
  signal: AbortSignal,
) => Promise<ImageWay<Place>>;
