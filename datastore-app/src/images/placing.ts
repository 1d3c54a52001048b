// SPDX-License-Identifier: Apache-2.0
import { lstat, rmdir } from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { type PublishOptions, requireReplaceable } from '../content/placer.ts';
import { StoreError } from '../content/store-error.ts';
import { type ImageDirectory, openImageDirectory } from './image-directory.ts';
import { isImagePath, isKeptPath } from './image-path.ts';
import { type ReleasedImages, requireNotReleased } from './released-images.ts';

/** A change of what stands at a path, on a condition. */
export interface ChangeOptions {
  /**
   * Called when it is this change's turn, and no other of this program can come between it and the change;
   * what it throws ends the change.
   */
  readonly precondition?: () => void;
}

/** What no path of an image may look like, for a message. */
export const NAME_RULES =
  'no name in it may begin with a dot, be empty or "lost+found", hold a backslash or a control character, or have over 255 bytes; nor may the first be "-"';

/**
 * Whether a new image may have a path.
 *
 * @throws StoreError NAME_INVALID or NAME_RESERVED
 */
export function requireImagePath(path: string): void {
  if (!isImagePath(path)) {
    throw new StoreError(
      'NAME_INVALID',
      `"${path.slice(0, 200)}" cannot be the path of an image: ${NAME_RULES}.`,
    );
  }
  if (!isKeptPath(path)) return;
  throw new StoreError(
    'NAME_RESERVED',
    `"${path.slice(0, 200)}" cannot be the path of an image: "v2", all below it, "token", and what begins with "oci:" are kept for the registry.`,
  );
}

/** The folders of a path, and the name in the last of them. */
export function splitPath(path: string): { folders: string[]; name: string } {
  const folders = path.split('/');
  const name = folders.pop() ?? '';
  return { folders, name };
}

/** Where an entry of a folder really stands. */
export const placeIn = ({ path }: ImageDirectory, name: string): string =>
  path === '' ? name : `${path}/${name}`;

const isAbsent = (error: unknown) => {
  if (systemErrorCode(error) !== 'ENOENT') throw error;
  return undefined;
};

/**
 * Whether an image may come to a path, as far as can be said beforehand.
 *
 * @param place.root without symbolic links
 * @throws StoreError NAME_INVALID, NAME_RESERVED, PATH_TAKEN, IMAGE_RELEASED or IMAGE_EXISTS
 */
export async function requirePlaceable(
  { root, released }: { readonly root: string; readonly released: Pick<ReleasedImages, 'find'> },
  path: string,
  options: PublishOptions & { readonly sha256?: string },
): Promise<void> {
  requireImagePath(path);
  const { folders, name } = splitPath(path);
  const directory = await openImageDirectory(root, folders, { create: false });
  try {
    const there = directory && (await lstat(directory.entry(name)).catch(isAbsent));
    if (directory !== undefined) {
      const isThere = there !== undefined;
      requireNotReleased(released, placeIn(directory, name), { isThere, sha256: options.sha256 });
    }
    if (there !== undefined) requireReplaceable(there.isFile(), options);
  } finally {
    await directory?.close();
  }
}

/** Opens the folder of a path, and makes it where it is missing. */
export async function makeImageDirectory(root: string, folders: readonly string[]): Promise<ImageDirectory> {
  const directory = await openImageDirectory(root, folders, { create: true });
  if (directory === undefined) throw new Error(`the folder ${folders.join('/')} was removed meanwhile`);
  return directory;
}

/** Removes folders that hold nothing any more, upwards to the root. */
export async function removeEmptyDirectories(root: string, folders: readonly string[]): Promise<void> {
  for (let depth = folders.length; depth > 0; depth -= 1) {
    const parent = await openImageDirectory(root, folders.slice(0, depth - 1), { create: false });
    try {
      await rmdir(parent?.entry(folders[depth - 1] ?? '') ?? '');
      await parent?.sync();
    } catch (error) {
      // Not empty, or not ours to remove: it stays. One that never came to be is none the less empty.
      if (systemErrorCode(error) !== 'ENOENT') return;
    } finally {
      await parent?.close();
    }
  }
}
