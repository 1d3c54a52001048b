import { lstat, unlink } from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import type { FileVersion } from './file-version.ts';
import type { HashOutcome } from './hasher.ts';
import { openImageDirectory } from './image-directory.ts';
import { isImagePath } from './image-path.ts';
import {
  makeImageDirectory,
  type PublishOptions,
  place,
  removeEmptyDirectories,
  requireImagePath,
  requirePlaceable,
  splitPath,
} from './placing.ts';
import type { Space } from './space.ts';
import {
  asStoreError,
  createStaging,
  type ExpectedContent,
  incomingDirectoryOf,
  type StagedImage,
} from './staging.ts';

export interface PublishedImage {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** False: another image had the path before. */
  readonly isNew: boolean;
}

/** An image that came to be, as it is told on. */
export interface Publication {
  readonly path: string;
  readonly version: FileVersion;
  readonly sha256: string;
}

/** Takes images into the root and out of it. Whatever happens, an image is there whole or not at all. */
export interface ImageStore {
  /**
   * Writes content beside the images, where nobody sees it, and checks it.
   *
   * @throws StoreError; whatever `content` throws; then nothing is left behind
   */
  stage(content: AsyncIterable<Uint8Array>, expected: ExpectedContent): Promise<StagedImage>;
  /** Checks content that is complete in a file below `incomingDirectory`. @throws StoreError */
  stageFile(file: string, expected: ExpectedContent): Promise<StagedImage>;
  /** Whether an image may come to a path, as far as can be said beforehand. @throws StoreError */
  requirePlaceable(path: string, options: PublishOptions): Promise<void>;
  /** Gives staged content its path; from then on it survives a power cut. @throws StoreError */
  publish(staged: StagedImage, path: string, options: PublishOptions): Promise<PublishedImage>;
  /** Gives up staged content. */
  discard(staged: StagedImage): Promise<void>;
  /** Removes an image; running downloads of it end well. @returns false when there is none @throws StoreError */
  remove(path: string): Promise<boolean>;
  /**
   * Removes staged content that an earlier run of this program left, and other that nobody has written to for
   * so long.
   *
   * @returns how many files
   */
  collectAbandoned(olderThanMs: number): Promise<number>;
}

export interface ImageStoreDeps {
  readonly space: Space;
  /** The sha256 of exactly this version of a file. */
  hash(file: string, version: FileVersion): Promise<HashOutcome>;
  /** Hears of images that came, before the caller does. */
  readonly onPublished?: (images: readonly Publication[]) => Promise<void>;
  readonly onRemoved?: () => Promise<void>;
  readonly now?: () => number;
}

export interface ImageStoreOptions {
  /** Without symbolic links. */
  readonly root: string;
  /** Which program this is: what one leaves behind when it is killed, the next of the name removes. */
  readonly owner: string;
}

export function createImageStore(deps: ImageStoreDeps, { root, owner }: ImageStoreOptions): ImageStore {
  const staging = createStaging(
    { space: deps.space, hash: deps.hash, now: deps.now ?? Date.now },
    { incoming: incomingDirectoryOf(root), owner },
  );

  return {
    stage: staging.stage,
    stageFile: staging.stageFile,
    discard: staging.discard,
    collectAbandoned: staging.collect,
    requirePlaceable: (path, options) => requirePlaceable(root, path, options),

    async publish(staged, path, options) {
      requireImagePath(path);
      const { file, version, sha256 } = staged;
      const { folders, name } = splitPath(path);
      try {
        const directory = await makeImageDirectory(root, folders);
        try {
          const isNew = await place(file, directory.entry(name), options);
          await directory.sync();
          await deps.onPublished?.([{ path, version, sha256 }]);
          staging.release(staged);
          return { path, sizeBytes: version.sizeBytes, sha256, isNew };
        } finally {
          await directory.close();
        }
      } catch (error) {
        throw asStoreError(error);
      }
    },

    async remove(path) {
      if (!isImagePath(path)) return false;
      const { folders, name } = splitPath(path);
      const directory = await openImageDirectory(root, folders, { create: false });
      if (directory === undefined) return false;
      try {
        if (!(await lstat(directory.entry(name))).isFile()) return false;
        await unlink(directory.entry(name));
        await directory.sync();
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return false;
        throw error;
      } finally {
        await directory.close();
      }
      await removeEmptyDirectories(root, folders);
      await deps.onRemoved?.();
      return true;
    },
  };
}
