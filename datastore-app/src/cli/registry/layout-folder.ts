// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory, writeDurably } from '@local-datastore/shared/files/durable-file';
import { lockExclusively } from '@local-datastore/shared/files/exclusive-lock';
import { makeOwnFolder } from '@local-datastore/shared/files/make-folder';
import { formatDigest, OCI_ALGORITHMS, type OciDigest } from '@local-datastore/shared/oci/digest';
import { blobPath, INDEX_FILE, LAYOUT_FILE, LAYOUT_TEXT } from '@local-datastore/shared/oci/image-archive';
import {
  EMPTY_LAYOUT_INDEX,
  type LayoutIndex,
  MAX_LAYOUT_INDEX_BYTES,
  parseLayoutIndex,
  withEntries,
} from '@local-datastore/shared/oci/layout-index';
import type { BlobInfo } from '../../blobs/registry-store.ts';
import { removeFile } from '../../content/staging.ts';
import { asStoreError, StoreError } from '../../content/store-error.ts';
import { AnswerError } from '../exit-code.ts';

/** A folder of images in OCI's image layout, which is this process's own until it is closed. */
export interface LayoutFolder {
  /**
   * Has a blob here, whole and with its digest. What an earlier run left of it is gone on from.
   *
   * @param read its bytes from a position on
   * @returns whether it was here already
   * @throws AnswerError where what is read is something else; StoreError, ConfigurationError; whatever `read` throws
   */
  take(blob: BlobInfo, read: (position: number) => AsyncIterable<Uint8Array>): Promise<boolean>;
  /** Names images: their blobs are here. What had one of these names before is named no more. */
  name(entries: readonly object[]): Promise<void>;
  close(): void;
}

const BLOBS = 'blobs';
const PARTIAL_SUFFIX = '.partial';
/** What a run may have left that was killed before it had written the first of these. */
const OWN_FILES = new Set([LAYOUT_FILE, BLOBS].flatMap((name) => [name, `${name}.new`]));
const READ_BYTES = 1024 * 1024;
/** A link in its place would lead the writer elsewhere. */
const PARTIAL_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

const unusable = (folder: string, why: string, cause?: unknown) =>
  new ConfigurationError(`--out ${folder} cannot take an image layout: ${why}`, { cause });

/** What the system refuses, with the folder's name. */
function inWordsOfTheFolder(folder: string, error: unknown): unknown {
  if (systemErrorCode(error) === undefined || error instanceof ConfigurationError) return error;
  if (error instanceof StoreError || error instanceof AnswerError) return error;
  const known = asStoreError(error);
  if (known instanceof StoreError && known.code === 'NO_SPACE') {
    return new StoreError('NO_SPACE', `--out ${folder}: ${known.message}`, { cause: error });
  }
  return new ConfigurationError(`--out ${folder} cannot be written: ${errorMessage(error)}`, {
    cause: error,
  });
}

const ensureFolder = (path: string) =>
  makeOwnFolder(path, (cause) => unusable(path, 'it is no folder', cause));

async function readIndex(folder: string): Promise<LayoutIndex> {
  const file = join(folder, INDEX_FILE);
  const found = await lstat(file).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return undefined;
  });
  if (found === undefined) return EMPTY_LAYOUT_INDEX;
  const isRead = found.isFile() && found.size <= MAX_LAYOUT_INDEX_BYTES;
  const index = isRead ? parseLayoutIndex(await readFile(file, 'utf8')) : undefined;
  if (index === undefined) throw unusable(folder, `its ${INDEX_FILE} is no index of images`);
  return index;
}

/** Adds to a digest what a file holds from its beginning. @returns how much that is */
async function addContent(hash: Hash, handle: FileHandle): Promise<number> {
  const buffer = Buffer.alloc(READ_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return position;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/** Whether a blob is here, and whole: every byte is read. */
async function isWhole(path: string, { digest, sizeBytes }: BlobInfo): Promise<boolean> {
  const found = await lstat(path).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return undefined;
  });
  if (found === undefined || !found.isFile() || found.size !== sizeBytes) return false;
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const hash = createHash(digest.algorithm);
    await addContent(hash, handle);
    return hash.digest('hex') === digest.hex;
  } finally {
    await handle.close();
  }
}

async function write(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Fills a file up to a blob. @returns whether it is the blob; @throws AnswerError where less comes */
async function fill(
  handle: FileHandle,
  { digest, sizeBytes }: BlobInfo,
  read: (position: number) => AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const { size } = await handle.stat();
  if (size > sizeBytes) await handle.truncate(0);
  const hash = createHash(digest.algorithm);
  let position = await addContent(hash, handle);
  for await (const piece of read(position)) {
    if (position + piece.length > sizeBytes) return false;
    await write(handle, piece, position);
    hash.update(piece);
    position += piece.length;
  }
  if (position < sizeBytes) {
    const message = `${formatDigest(digest)} ended after ${position} of ${sizeBytes} bytes`;
    throw new AnswerError('DATASTORE_FAILED', message);
  }
  return hash.digest('hex') === digest.hex;
}

/**
 * Opens a folder as an image layout, or makes one; further images may come to one that is there.
 *
 * @throws ConfigurationError where it holds something else, another export writes to it, or it cannot be written
 */
export async function openLayoutFolder(folder: string): Promise<LayoutFolder> {
  let release: (() => void) | null = null;
  try {
    await ensureFolder(folder);
    const { dev, ino } = await lstat(folder);
    release = await lockExclusively(`local-datastore/layout/${dev}/${ino}`);
    if (release === null) throw unusable(folder, 'another export writes to it');
    const names = await readdir(folder);
    const foreign = names.find((name) => !OWN_FILES.has(name));
    if (foreign !== undefined && !names.includes(LAYOUT_FILE)) {
      throw unusable(folder, `it holds "${foreign}"`);
    }
    // One that cannot be read is said before anything is fetched.
    await readIndex(folder);
    if (!names.includes(LAYOUT_FILE)) await writeDurably(join(folder, LAYOUT_FILE), LAYOUT_TEXT);
    for (const path of [BLOBS, ...OCI_ALGORITHMS.map((algorithm) => join(BLOBS, algorithm))]) {
      await ensureFolder(join(folder, path));
    }
  } catch (error) {
    release?.();
    throw inWordsOfTheFolder(folder, error);
  }
  const unlock = release;
  const pathOf = (digest: OciDigest) => join(folder, blobPath(digest));

  async function takeMissing(
    blob: BlobInfo,
    read: (position: number) => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const path = pathOf(blob.digest);
    const partial = `${path}${PARTIAL_SUFFIX}`;
    const handle = await open(partial, PARTIAL_FLAGS, 0o644);
    let isRight: boolean;
    try {
      const isResumed = (await handle.stat()).size > 0;
      isRight = await fill(handle, blob, read);
      if (!isRight && isResumed) {
        // What the earlier run left may be something else.
        await handle.truncate(0);
        isRight = await fill(handle, blob, read);
      }
      if (isRight) await handle.sync();
    } finally {
      await handle.close();
    }
    if (!isRight) {
      await unlink(partial);
      throw new AnswerError('DATASTORE_FAILED', `${formatDigest(blob.digest)} is damaged: other bytes came`);
    }
    await rename(partial, path);
    await syncDirectory(dirname(path));
  }

  return {
    async take(blob, read) {
      try {
        const path = pathOf(blob.digest);
        if (await isWhole(path, blob)) return true;
        await removeFile(path);
        await takeMissing(blob, read);
        return false;
      } catch (error) {
        throw inWordsOfTheFolder(folder, error);
      }
    },

    async name(entries) {
      try {
        await writeDurably(join(folder, INDEX_FILE), withEntries(await readIndex(folder), entries));
      } catch (error) {
        throw inWordsOfTheFolder(folder, error);
      }
    },

    close: () => unlock(),
  };
}
