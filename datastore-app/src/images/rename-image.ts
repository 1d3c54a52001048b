// SPDX-License-Identifier: Apache-2.0
import { lstat } from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { type FileVersion, versionOf } from '../content/file-version.ts';
import type { Placer } from '../content/placer.ts';
import { StoreError } from '../content/store-error.ts';
import { openImageDirectory } from './image-directory.ts';
import { makeImageDirectory, placeIn, removeEmptyDirectories, splitPath } from './placing.ts';
import { type ReleasedImages, requireNotReleased } from './released-images.ts';
import type { RenameJournal } from './rename-journal.ts';

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
  readonly journal: Pick<RenameJournal, 'begin'>;
}

/**
 * Gives an image another path. The new name is durable before the old one goes: where it is cut off, also by the power,
 * the image has one of its names, or both until {@link RenameJournal.recover} has taken the old one away.
 *
 * @returns undefined where there is no image
 * @throws StoreError IMAGE_RELEASED, IMAGE_EXISTS, PATH_TAKEN; system errors
 */
export async function renameImage(
  { root, placer, released, journal }: RenamePlace,
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
    const end = await journal.begin(path, to);
    const directory = await makeImageDirectory(root, target.folders).catch(async (error: unknown) => {
      await end();
      throw error;
    });
    try {
      const isSame = placeIn(directory, target.name) === placeIn(old, from.name);
      if (isSame) throw new StoreError('IMAGE_EXISTS', `"${to}" is where the image stands already.`);
      // Whatever was released there, and is gone, may come back by its content alone: a name tells nothing of that.
      if (released.find(placeIn(directory, target.name)) !== undefined) {
        throw new StoreError('IMAGE_RELEASED', `"${to}" is the path of an image that was released.`);
      }
      const onBoth = () => directory.sync();
      await placer.place(old.entry(from.name), directory.entry(target.name), { replace: false, onBoth });
      await directory.sync();
      await old.sync();
      const version = versionOf(await lstat(directory.entry(target.name), { bigint: true }));
      return { path, to, version };
    } catch (error) {
      await removeEmptyDirectories(root, target.folders);
      throw error;
    } finally {
      await directory.close();
      await end();
    }
  } finally {
    await old.close();
    await removeEmptyDirectories(root, from.folders);
  }
}
