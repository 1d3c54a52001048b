// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readlink } from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { StoreError } from '../content/store-error.ts';
import { isImagePath } from './image-path.ts';

/** A folder below the root, held open, so that what is done in it is done there and nowhere else. */
export interface ImageDirectory {
  /** Where it really stands below the root, links followed; empty: the root itself. */
  readonly path: string;
  /** The path of an entry, by way of the open folder: a symbolic link swapped in meanwhile changes nothing. */
  entry(name: string): string;
  /** Makes names that were created or removed survive a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

const DIRECTORY_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY;

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, DIRECTORY_FLAGS);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    if (systemErrorCode(error) === 'ENOTDIR') {
      throw new StoreError('PATH_TAKEN', 'A file stands where the path needs a folder.', { cause: error });
    }
    throw error;
  }
}

function wrap(handle: FileHandle, path: string): ImageDirectory {
  return {
    path,
    entry: (name) => `/proc/self/fd/${handle.fd}/${name}`,
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

/**
 * Opens the folder of an image, level by level. Symbolic links are followed as long as they lead to a folder
 * below the root that may be seen.
 *
 * @param realRoot the root without symbolic links
 * @param names the folder's path below the root, one name a level; none: the root itself
 * @param options.create makes levels that are missing
 * @returns undefined when a level is missing
 * @throws StoreError PATH_TAKEN when a level is a file, or a link that leads out of the root; system errors
 */
export async function openImageDirectory(
  realRoot: string,
  names: readonly string[],
  { create }: { readonly create: boolean },
): Promise<ImageDirectory | undefined> {
  const root = await openExisting(realRoot);
  if (root === undefined) return undefined;
  let current = root;
  let path = '';
  try {
    for (const name of names) {
      const { entry, sync } = wrap(current, path);
      let next = await openExisting(entry(name));
      if (next === undefined && create) {
        await mkdir(entry(name), 0o755).catch((error) => {
          if (systemErrorCode(error) !== 'EEXIST') throw error;
        });
        await sync();
        next = await openExisting(entry(name));
      }
      await current.close();
      if (next === undefined) return undefined;
      current = next;
      const place = await readlink(`/proc/self/fd/${current.fd}`);
      const prefix = realRoot.endsWith('/') ? realRoot : `${realRoot}/`;
      if (!place.startsWith(prefix) || !isImagePath(place.slice(prefix.length))) {
        throw new StoreError('PATH_TAKEN', 'A symbolic link in the path leads to where no images are kept.');
      }
      path = place.slice(prefix.length);
    }
    return wrap(current, path);
  } catch (error) {
    await current.close().catch(() => {});
    throw error;
  }
}
