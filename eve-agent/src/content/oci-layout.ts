// SPDX-License-Identifier: Apache-2.0
import { lstat, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import { makeFolder, makeOwnFolder } from '@local-datastore/shared/files/make-folder';
import type { OciAlgorithm, OciDigest } from '@local-datastore/shared/oci/digest';
import {
  type ImageToArchive,
  INDEX_FILE,
  indexEntries,
  LAYOUT_FILE,
  LAYOUT_TEXT,
} from '@local-datastore/shared/oci/image-archive';
import {
  EMPTY_LAYOUT_INDEX,
  type LayoutIndex,
  MAX_LAYOUT_INDEX_BYTES,
  parseLayoutIndex,
  withEntries,
} from '@local-datastore/shared/oci/layout-index';
import { TargetError } from './errors.ts';
import { requireFreeSpace } from './free-space.ts';
import { hashFile } from './hash-file.ts';
import { partialPaths, wrapStorageError } from './partial-file.ts';
import { createSmallFileTarget } from './small-file-target.ts';
import { lockTarget } from './target-lock.ts';

/** What is kept by its digest. */
export interface LayoutBlob {
  readonly digest: OciDigest;
  readonly sizeBytes: number;
}

/** A folder of images in OCI's image layout, which is this process's own until it is closed. */
export interface OciLayout {
  readonly folder: string;
  blobPath(digest: OciDigest): string;
  /**
   * Whether a blob is here, and whole: every byte is read.
   *
   * @throws the signal's reason
   */
  hasBlob(blob: LayoutBlob, signal: AbortSignal): Promise<boolean>;
  /**
   * Makes sure that there is room for blobs, apart from what of them is here already, and for more on the same disk.
   *
   * @throws SpaceError
   */
  requireSpace(blobs: readonly LayoutBlob[], moreBytes: number): Promise<void>;
  /** Writes a blob that is at hand, such as a manifest. */
  writeBlob(digest: OciDigest, bytes: Buffer): Promise<void>;
  /** Names an image: its blobs must be here. What had this name before is named no more. */
  name(image: ImageToArchive): Promise<void>;
  close(): void;
}

/** What a run may have left that was killed before it had written the first of these. */
const OWN_FILES = new Set([LAYOUT_FILE, INDEX_FILE, 'blobs'].flatMap((name) => [name, `${name}.new`]));

const unusable = (folder: string, why: string, cause?: unknown) =>
  new TargetError('TARGET_UNWRITABLE', `${folder} cannot take an image: ${why}`, { cause });

const ensureFolder = (path: string) =>
  makeOwnFolder(path, (cause) => unusable(path, 'it is no folder', cause));

async function readIndex(folder: string): Promise<LayoutIndex> {
  const file = join(folder, INDEX_FILE);
  try {
    const { size } = await lstat(file);
    if (size > MAX_LAYOUT_INDEX_BYTES) throw unusable(folder, `${INDEX_FILE} is too large`);
    const index = parseLayoutIndex(await readFile(file, 'utf8'));
    if (index === undefined) throw unusable(folder, `${INDEX_FILE} there is no index of images`);
    return index;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return EMPTY_LAYOUT_INDEX;
    throw error;
  }
}

/**
 * Opens a folder as an image layout, or makes one.
 *
 * @param folder absolute
 * @param algorithms of the digests of what is to come
 * @throws TargetError when another download writes to it, or when it holds other things
 */
export async function openOciLayout(
  folder: string,
  algorithms: ReadonlySet<OciAlgorithm> = new Set<OciAlgorithm>(['sha256']),
): Promise<OciLayout> {
  const blobs = join(folder, 'blobs');
  const blobPath = ({ algorithm, hex }: OciDigest) => join(blobs, algorithm, hex);
  let unlock: (() => void) | undefined;
  try {
    await makeFolder(dirname(folder));
    await ensureFolder(folder);
    unlock = await lockTarget(join(folder, INDEX_FILE));
    const names = await readdir(folder);
    const foreign = names.find((name) => !OWN_FILES.has(name));
    if (foreign !== undefined && !names.includes(LAYOUT_FILE)) {
      throw unusable(folder, `it is no OCI image layout, and holds "${foreign}"`);
    }
    if (!names.includes(LAYOUT_FILE)) await writeDurably(join(folder, LAYOUT_FILE), LAYOUT_TEXT);
    for (const path of [blobs, ...[...algorithms].map((algorithm) => join(blobs, algorithm))])
      await ensureFolder(path);
    // One that cannot be read is said before anything is fetched.
    await readIndex(folder);
  } catch (error) {
    unlock?.();
    throw wrapStorageError(error, folder);
  }

  return {
    folder,
    blobPath,
    async hasBlob({ digest, sizeBytes }, signal) {
      const path = blobPath(digest);
      const facts = await lstat(path).catch(() => null);
      if (facts === null || !facts.isFile() || facts.size !== sizeBytes) return false;
      try {
        return (await hashFile(path, Number.MAX_SAFE_INTEGER, signal, digest.algorithm)).hex === digest.hex;
      } catch {
        signal.throwIfAborted();
        return false;
      }
    },
    async requireSpace(missing, moreBytes) {
      const sizes = missing.map(async ({ digest, sizeBytes }) => {
        const partial = await lstat(partialPaths(blobPath(digest)).file).catch(() => null);
        return Math.max(sizeBytes - (partial?.size ?? 0), 0);
      });
      const neededBytes = (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, moreBytes);
      await requireFreeSpace(folder, neededBytes, folder);
    },
    async writeBlob(digest, bytes) {
      const target = await createSmallFileTarget(blobPath(digest), bytes.length, digest.algorithm).open();
      try {
        target.take(bytes);
        await target.publish({ sizeBytes: bytes.length, digest });
      } finally {
        await target.close();
      }
    },
    async name(image) {
      try {
        const index = await readIndex(folder);
        await writeDurably(join(folder, INDEX_FILE), withEntries(index, indexEntries(image)));
      } catch (error) {
        throw wrapStorageError(error, join(folder, INDEX_FILE));
      }
    },
    close: () => unlock?.(),
  };
}
