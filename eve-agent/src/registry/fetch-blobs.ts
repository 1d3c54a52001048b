// SPDX-License-Identifier: Apache-2.0
import type { Descriptor } from '@local-datastore/shared/oci/descriptor';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { DownloadEvent, DownloadObserver } from '../transfer/download-request.ts';
import { ImageProgress } from './image-progress.ts';

/** @param isSmall whether it is one of several at the same time */
export type FetchBlob = (
  blob: Descriptor,
  isSmall: boolean,
  observer: DownloadObserver,
  signal: AbortSignal,
) => Promise<BlobTotals>;

export interface BlobTotals {
  /** What came over the network. */
  readonly receivedBytes: number;
  /** What an earlier run had stored of blobs that were not whole. */
  readonly resumedFromBytes: number;
}

/** Below it the request costs more than the bytes: several at a time, each in a little memory. */
export const SMALL_BLOB_BYTES = 1024 * 1024;
const SMALL_LANES = 3;
/** The one that comes, and the one before it while it is verified and synced. */
const BULK_LANES = 2;

/**
 * Fetches blobs: one large one after another, as more at a time bring nothing on one link, the next one while the last
 * is verified; and small ones a few at a time beside them. The first failure ends all; what has come of each is kept
 * by its target.
 *
 * @param presentBytes what of the image is here already
 * @throws as a download
 */
export async function fetchBlobs(
  fetchBlob: FetchBlob,
  blobs: readonly Descriptor[],
  observer: DownloadObserver,
  presentBytes: number,
  signal: AbortSignal,
): Promise<BlobTotals> {
  const totalBytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, presentBytes);
  const progress = new ImageProgress(observer, presentBytes, totalBytes);
  const failing = new AbortController();
  const until = AbortSignal.any([signal, failing.signal]);
  let failure: unknown;
  let [receivedBytes, resumedFromBytes] = [0, 0];

  async function fetchOne(blob: Descriptor, isSmall: boolean, onArrived: () => void): Promise<void> {
    const id = formatDigest(blob.digest);
    const onEvent = (event: DownloadEvent) => {
      if (event.kind === 'verifying') onArrived();
      progress.takeEvent(id, event);
    };
    try {
      const onProgress = (bytes: number) => progress.takeBytes(id, bytes);
      const result = await fetchBlob(blob, isSmall, { onEvent, onProgress }, until);
      receivedBytes += result.receivedBytes;
      resumedFromBytes += result.resumedFromBytes;
    } catch (error) {
      failure ??= error;
      failing.abort(error);
    } finally {
      onArrived();
    }
  }

  const isSmall = ({ sizeBytes }: Descriptor) => sizeBytes < SMALL_BLOB_BYTES;
  const small = blobs.filter(isSmall).values();
  async function fetchSmall(): Promise<void> {
    for (const blob of small) if (!until.aborted) await fetchOne(blob, true, () => {});
  }
  async function fetchLarge(): Promise<void> {
    const running = new Set<Promise<void>>();
    for (const blob of blobs) {
      if (isSmall(blob)) continue;
      while (running.size >= BULK_LANES) await Promise.race(running);
      if (until.aborted) break;
      const arrived = Promise.withResolvers<void>();
      const fetching: Promise<void> = fetchOne(blob, false, arrived.resolve).finally(() =>
        running.delete(fetching),
      );
      running.add(fetching);
      await arrived.promise;
    }
    await Promise.all(running);
  }
  await Promise.all([fetchLarge(), ...Array.from({ length: SMALL_LANES }, fetchSmall)]);
  signal.throwIfAborted();
  if (failure !== undefined) throw failure;
  return { receivedBytes, resumedFromBytes };
}
