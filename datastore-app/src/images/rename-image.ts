import { lstat } from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { type FileVersion, versionOf } from '../content/file-version.ts';
import type { Placer } from '../content/placer.ts';
import { StoreError } from '../content/store-error.ts';
import { openImageDirectory } from './image-directory.ts';
import { makeImageDirectory, placeIn, removeEmptyDirectories, splitPath } from './placing.ts';
import { type ReleasedImages, requireNotReleased } from './released-images.ts';

/** An image that has another path from now on. */
export interface RenamedImage {
  readonly path: string;
  readonly to: string;
  /** As it stands at its new path: the name moves the change time. */
  readonly version: FileVersion;
}

/** Where images stand, and how they get their names. */
export interface RenamePlace {
  /** Without symbolic links. */
  readonly root: string;
  readonly placer: Placer;
  readonly released: Pick<ReleasedImages, 'find'>;
}

/**
 * Gives an image another path. The new name is durable before the old one is known to be gone: a power cut leaves the
 * image at one of its names, or at both; to do it again completes it.
 *
 * @returns undefined where there is no image
 * @throws StoreError IMAGE_RELEASED, IMAGE_EXISTS, PATH_TAKEN; system errors
 */
export async function renameImage(
  { root, placer, released }: RenamePlace,
  path: string,
  to: string,
): Promise<RenamedImage | undefined> {
  const [from, target] = [splitPath(path), splitPath(to)];
  const old = await openImageDirectory(root, from.folders, { create: false });
  if (old === undefined) return undefined;
  try {
    const there = await lstat(old.entry(from.name)).catch((error) => {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      return undefined;
    });
    if (there === undefined) return undefined;
    if (!there.isFile()) {
      throw new StoreError(
        'PATH_TAKEN',
        `"${path}" is a link, a folder or a special file: rename the image itself.`,
      );
    }
    requireNotReleased(released, placeIn(old, from.name), { isThere: true });
    const directory = await makeImageDirectory(root, target.folders);
    try {
      const isSame = placeIn(directory, target.name) === placeIn(old, from.name);
      if (isSame) throw new StoreError('IMAGE_EXISTS', `"${to}" is where the image stands already.`);
      // Whatever was released there, and is gone, may come back by its content alone: a name tells nothing of that.
      if (released.find(placeIn(directory, target.name)) !== undefined) {
        throw new StoreError('IMAGE_RELEASED', `"${to}" is the path of an image that was released.`);
      }
      await placer.place(old.entry(from.name), directory.entry(target.name), { replace: false });
      await directory.sync();
      await old.sync();
      const version = versionOf(await lstat(directory.entry(target.name), { bigint: true }));
      return { path, to, version };
    } catch (error) {
      await removeEmptyDirectories(root, target.folders);
      throw error;
    } finally {
      await directory.close();
    }
  } finally {
    await old.close();
    await removeEmptyDirectories(root, from.folders);
  }
}
