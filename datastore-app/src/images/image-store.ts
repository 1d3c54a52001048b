import { createHash, randomUUID } from 'node:crypto';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { type FileVersion, versionOf } from './file-version.ts';
import type { HashOutcome } from './hasher.ts';
import { type ImageDirectory, openImageDirectory } from './image-directory.ts';
import { isImagePath } from './image-path.ts';
import type { Space } from './space.ts';
import { StoreError } from './store-error.ts';

/** What is known of an image before it has come in. */
export interface ExpectedContent {
  readonly sizeBytes?: number | undefined;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256?: string | undefined;
}

/** Content that is complete, checked and on the disk, but not yet an image. */
export interface StagedImage {
  readonly file: string;
  readonly version: FileVersion;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

export interface PublishOptions {
  /** False: fails with IMAGE_EXISTS where another image has the path. */
  readonly replace: boolean;
}

export interface PublishedImage {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** False: another image had the path before. */
  readonly isNew: boolean;
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
  /** Gives staged content its path; from then on it survives a power cut. @throws StoreError */
  publish(staged: StagedImage, path: string, options: PublishOptions): Promise<PublishedImage>;
  discard(staged: StagedImage): Promise<void>;
  /** Removes an image; running downloads of it end well. @returns false when there is none @throws StoreError */
  remove(path: string): Promise<boolean>;
  /** Removes staged content that nobody has written to for so long. @returns how many files */
  collectAbandoned(olderThanMs: number): Promise<number>;
}

export interface ImageStoreDeps {
  readonly space: Space;
  /** The sha256 of exactly this version of a file. */
  hash(file: string, version: FileVersion): Promise<HashOutcome>;
  /** Hears of every image that came or went, before the caller does. */
  readonly onPublished?: (path: string, version: FileVersion, sha256: string) => Promise<void>;
  readonly onRemoved?: () => Promise<void>;
  readonly now?: () => number;
}

/** Below the root, because only within one file system does a file move whole or not at all. */
const INCOMING_DIRECTORY = '.incoming';
const STAGED_SUFFIX = '.staged';
/** Pieces of the network are collected to writes of this size. */
const WRITE_BYTES = 1024 * 1024;

/** Where content waits until it is an image. Dotfiles are never served. */
export const incomingDirectoryOf = (root: string) => join(root, INCOMING_DIRECTORY);

function requireImagePath(path: string): void {
  if (isImagePath(path)) return;
  throw new StoreError(
    'NAME_INVALID',
    `"${path.slice(0, 200)}" cannot be the path of an image: no name in it may begin with a dot, be empty or "lost+found", hold a backslash or a control character, or have over 255 bytes; nor may the first be "-".`,
  );
}

function requireExpected(sizeBytes: number, sha256: string, expected: ExpectedContent): void {
  if (expected.sizeBytes !== undefined && sizeBytes !== expected.sizeBytes) {
    throw new StoreError(
      sizeBytes < expected.sizeBytes ? 'INCOMPLETE' : 'SIZE_MISMATCH',
      `${expected.sizeBytes} bytes were promised, ${sizeBytes} came.`,
      { details: { expectedBytes: expected.sizeBytes, sizeBytes } },
    );
  }
  if (expected.sha256 !== undefined && sha256 !== expected.sha256) {
    throw new StoreError(
      'DIGEST_MISMATCH',
      `The content has the sha256 ${sha256}, not the promised ${expected.sha256}: it was damaged on the way, or is another file.`,
      { details: { expectedSha256: expected.sha256, sha256 } },
    );
  }
}

/** What the system says when there is no more room, in the words of the store. */
function asStoreError(error: unknown): unknown {
  const code = systemErrorCode(error);
  if (code === 'ENOSPC') return new StoreError('NO_SPACE', 'The volume is full.', { cause: error });
  if (code === 'EDQUOT') {
    return new StoreError('NO_SPACE', 'The quota of the file system is used up.', { cause: error });
  }
  return error;
}

/** @param root without symbolic links */
export function createImageStore(deps: ImageStoreDeps, { root }: { readonly root: string }): ImageStore {
  const { space, now = Date.now } = deps;
  const incoming = incomingDirectoryOf(root);

  async function createStagedFile(): Promise<{ file: string; handle: FileHandle }> {
    await mkdir(incoming, { mode: 0o700 }).catch((error) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    });
    const file = join(incoming, `${randomUUID()}${STAGED_SUFFIX}`);
    return { file, handle: await open(file, 'wx', 0o644) };
  }

  async function write(
    handle: FileHandle,
    content: AsyncIterable<Uint8Array>,
    expected: ExpectedContent,
  ): Promise<{ sizeBytes: number; sha256: string }> {
    const claim = await space.claim(expected.sizeBytes);
    try {
      const hash = createHash('sha256');
      let pieces: Uint8Array[] = [];
      let pendingBytes = 0;
      let sizeBytes = 0;
      const flush = async () => {
        await claim.spend(pendingBytes);
        await handle.writev(pieces);
        pieces = [];
        pendingBytes = 0;
      };
      for await (const piece of content) {
        sizeBytes += piece.length;
        if (expected.sizeBytes !== undefined && sizeBytes > expected.sizeBytes) {
          throw new StoreError('SIZE_MISMATCH', `More than the promised ${expected.sizeBytes} bytes came.`);
        }
        hash.update(piece);
        pieces.push(piece);
        pendingBytes += piece.length;
        if (pendingBytes >= WRITE_BYTES) await flush();
      }
      if (pendingBytes > 0) await flush();
      return { sizeBytes, sha256: hash.digest('hex') };
    } finally {
      claim.release();
    }
  }

  async function directoryFor(names: readonly string[]): Promise<ImageDirectory> {
    const directory = await openImageDirectory(root, names, { create: true });
    if (directory === undefined) throw new Error(`the folder ${names.join('/')} was removed meanwhile`);
    return directory;
  }

  /** Moves a staged file to its name. @returns whether the name was free */
  async function place(file: string, target: string, { replace }: PublishOptions): Promise<boolean> {
    try {
      // Unlike rename, link never replaces.
      await link(file, target);
      await unlink(file);
      return true;
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
    if (!(await lstat(target)).isFile()) {
      throw new StoreError('PATH_TAKEN', 'A folder, a link or a special file has this path.');
    }
    if (!replace) throw new StoreError('IMAGE_EXISTS', 'An image of this path exists already.');
    await rename(file, target);
    return false;
  }

  /** Removes folders that hold nothing any more, upwards to the root. */
  async function removeEmptyDirectories(names: readonly string[]): Promise<void> {
    for (let depth = names.length; depth > 0; depth -= 1) {
      const parent = await openImageDirectory(root, names.slice(0, depth - 1), { create: false });
      try {
        await rmdir(parent?.entry(names[depth - 1] ?? '') ?? '');
        await parent?.sync();
      } catch {
        // Not empty, or not ours to remove: it stays.
        return;
      } finally {
        await parent?.close();
      }
    }
  }

  return {
    async stage(content, expected) {
      const { file, handle } = await createStagedFile();
      try {
        const { sizeBytes, sha256 } = await write(handle, content, expected);
        requireExpected(sizeBytes, sha256, expected);
        await handle.sync();
        const version = versionOf(await handle.stat({ bigint: true }));
        return { file, version, sha256 };
      } catch (error) {
        await unlink(file).catch(() => {});
        throw asStoreError(error);
      } finally {
        await handle.close();
      }
    },

    async stageFile(file, expected) {
      const handle = await open(file, 'r');
      try {
        await handle.sync();
        const version = versionOf(await handle.stat({ bigint: true }));
        const outcome = await deps.hash(file, version);
        if (outcome.kind !== 'hashed') {
          throw new Error(outcome.kind === 'changed' ? `${file} is being written to` : outcome.reason);
        }
        requireExpected(version.sizeBytes, outcome.sha256, expected);
        return { file, version, sha256: outcome.sha256 };
      } finally {
        await handle.close();
      }
    },

    async publish({ file, version, sha256 }, path, options) {
      requireImagePath(path);
      const names = path.split('/');
      const name = names.pop() ?? '';
      const directory = await directoryFor(names);
      try {
        const isNew = await place(file, directory.entry(name), options);
        await directory.sync();
        await deps.onPublished?.(path, version, sha256);
        return { path, sizeBytes: version.sizeBytes, sha256, isNew };
      } catch (error) {
        throw asStoreError(error);
      } finally {
        await directory.close();
      }
    },

    async discard({ file }) {
      await unlink(file).catch((error) => {
        if (systemErrorCode(error) !== 'ENOENT') throw error;
      });
    },

    async remove(path) {
      if (!isImagePath(path)) return false;
      const names = path.split('/');
      const name = names.pop() ?? '';
      const directory = await openImageDirectory(root, names, { create: false });
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
      await removeEmptyDirectories(names);
      await deps.onRemoved?.();
      return true;
    },

    async collectAbandoned(olderThanMs) {
      const names = await readdir(incoming).catch((error) => {
        if (systemErrorCode(error) === 'ENOENT') return [];
        throw error;
      });
      let collected = 0;
      for (const name of names.filter((candidate) => candidate.endsWith(STAGED_SUFFIX))) {
        const file = join(incoming, name);
        const { mtimeMs } = await stat(file);
        if (now() - mtimeMs < olderThanMs) continue;
        await unlink(file);
        collected += 1;
      }
      return collected;
    },
  };
}
