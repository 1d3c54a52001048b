// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { type ImageToArchive, imageArchive } from '@local-datastore/shared/oci/image-archive';
import { tarParts, totalBytes } from '@local-datastore/shared/oci/tar-parts';
import { requireFreeSpace } from './free-space.ts';
import { partialPaths, wrapStorageError } from './partial-file.ts';

const COPY_BYTES = 1024 * 1024;

/** How large the archive of an image is. */
export const archiveBytes = (image: ImageToArchive): number => totalBytes(tarParts(imageArchive([image])));

async function writeAll(to: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await to.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}

/** @throws Error when the file has not as many bytes as its header says */
async function copyBlob(to: FileHandle, path: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, sizeBytes));
  const from = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for (let left = sizeBytes; left > 0; ) {
      signal.throwIfAborted();
      const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, left));
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
      await writeAll(to, buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
  } finally {
    await from.close();
  }
}

/**
 * Writes an image as one file, a tar archive. It is left whole, or as it was.
 *
 * @param path absolute, of the file to make or replace
 * @param pathOf where the blobs are
 * @throws SpaceError; TargetError; the signal's reason
 */
export async function writeImageArchive(
  path: string,
  image: ImageToArchive,
  pathOf: (digest: OciDigest) => string,
  signal: AbortSignal,
): Promise<void> {
  const { file: partial } = partialPaths(path);
  const parts = tarParts(imageArchive([image]));
  await requireFreeSpace(path, totalBytes(parts));
  try {
    await rm(partial, { force: true });
    const to = await open(partial, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o666);
    try {
      for (const part of parts) {
        signal.throwIfAborted();
        if (part.kind === 'bytes') await writeAll(to, part.bytes);
        else await copyBlob(to, pathOf(part.digest), part.sizeBytes, signal);
      }
      await to.sync();
    } finally {
      await to.close();
    }
    await rename(partial, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(partial, { force: true });
    throw wrapStorageError(error, path);
  }
}
