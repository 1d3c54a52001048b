// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { standingOf, versionOf } from '../content/file-version.ts';
import type { OpenFile } from '../content/open-file.ts';
import { isImagePath } from './image-path.ts';

/** An image opened for reading. */
export interface OpenImage extends OpenFile {
  /** Where the file really stands, relative to the root: symbolic links inside the root are followed. */
  readonly path: string;
}

/** O_NONBLOCK: opening a FIFO must not wait for its writer. O_NOCTTY: nor may a terminal become ours. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const NO_SUCH_IMAGE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ENXIO', 'ENODEV']);
/** A file that is replaced again and again in the instant between open and fstat. */
const MAX_ATTEMPTS = 5;

/**
 * Opens images below a root. The file is opened once, and what is judged is that open file: the kernel says in
 * `/proc/self/fd` where it stands, so that no symbolic link, nor one swapped in meanwhile, leads out.
 *
 * The calls are synchronous: for what is in the kernel's caches a round trip through the thread pool costs
 * more than all three of them.
 *
 * @param realRoot the root without symbolic links
 * @returns a function from a path relative to the root to the image; undefined when there is none to be seen.
 *   It throws system errors such as EACCES and EMFILE.
 */
export function createImageOpener(realRoot: string): (path: string) => OpenImage | undefined {
  const prefix = realRoot.endsWith('/') ? realRoot : `${realRoot}/`;

  /** The path of a place relative to the root; undefined: outside of it, or where nothing is served. */
  function relativePath(place: string): string | undefined {
    const path = place.startsWith(prefix) ? place.slice(prefix.length) : '';
    return isImagePath(path) ? path : undefined;
  }

  /** @param isSurelyThere whether the path leads nowhere else: it was opened without following a link */
  function judge(fd: number, path: string, isSurelyThere: boolean): OpenImage | undefined | 'replaced' {
    let isKept = false;
    try {
      const stat = fstatSync(fd, { bigint: true });
      if (!stat.isFile()) return undefined;
      const place = isSurelyThere ? prefix + path : readlinkSync(`/proc/self/fd/${fd}`);
      // The kernel appends " (deleted)" to the name of a file that has none any more.
      if (stat.nlink === 0n || (!isSurelyThere && place.endsWith(' (deleted)'))) return 'replaced';
      const real = place === prefix + path ? path : relativePath(place);
      if (real === undefined) return undefined;
      isKept = true;
      return { fd, path: real, place, version: versionOf(stat), standing: standingOf(stat) };
    } finally {
      if (!isKept) closeSync(fd);
    }
  }

  function openOnce(path: string): OpenImage | undefined | 'replaced' {
    // Directly in the root only the file's own name could be a link: the kernel need not be asked where it led.
    if (!path.includes('/')) {
      try {
        return judge(openSync(prefix + path, OPEN_FLAGS | constants.O_NOFOLLOW), path, true);
      } catch (error) {
        if (systemErrorCode(error) !== 'ELOOP') throw error;
      }
    }
    return judge(openSync(prefix + path, OPEN_FLAGS), path, false);
  }

  return (path) => {
    if (!isImagePath(path)) return undefined;
    try {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const opened = openOnce(path);
        if (opened !== 'replaced') return opened;
      }
      return undefined;
    } catch (error) {
      if (NO_SUCH_IMAGE.has(systemErrorCode(error) ?? '')) return undefined;
      throw error;
    }
  };
}
