// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  constants,
  fsync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { writeSynced } from '@local-datastore/shared/files/durable-file';
import { StoreError } from './store-error.ts';

/**
 * A folder that was reached without following a symbolic link, held open, so that what is done in it is done there
 * and nowhere else. The calls are synchronous: between two of them nothing else of the program runs.
 */
export interface ClosedFolder {
  /** The path of an entry, by way of the open folder. */
  entry(name: string): string;
  names(): string[];
  /** undefined: there is none. Links are not followed. */
  stat(name: string): Stats | undefined;
  /** @returns false: there is none */
  remove(name: string): boolean;
  /** Removes a folder if it is empty. */
  removeFolder(name: string): void;
  /** Makes names that were created or removed survive a power cut. */
  sync(): Promise<void>;
  close(): void;
}

const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const LINK_OR_FILE = new Set(['ENOTDIR', 'ELOOP']);
/** Why a folder stays that was to be removed. */
const STAYS = new Set(['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EBUSY']);
const syncFile = promisify(fsync);

const orUndefined = <T>(code: string, call: () => T): T | undefined => {
  try {
    return call();
  } catch (error) {
    if (systemErrorCode(error) === code) return undefined;
    throw error;
  }
};

/** The path of something in a folder that is held open (proc_pid_fd(5)). */
const pathIn = (fd: number, name: string) => `/proc/self/fd/${fd}/${name}`;

function openOne(path: string, shown: string): number | undefined {
  try {
    return openSync(path, FOLDER_FLAGS);
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (code === 'ENOENT') return undefined;
    if (!LINK_OR_FILE.has(code)) throw error;
    throw new StoreError('PATH_TAKEN', `${shown} is a file or a link, where a folder is needed.`, {
      cause: error,
    });
  }
}

function wrap(fd: number): ClosedFolder {
  return {
    entry: (name) => pathIn(fd, name),
    names: () => readdirSync(pathIn(fd, '.')),
    stat: (name) => orUndefined('ENOENT', () => lstatSync(pathIn(fd, name))),
    remove: (name) =>
      orUndefined('ENOENT', () => {
        unlinkSync(pathIn(fd, name));
        return true;
      }) ?? false,
    removeFolder(name) {
      try {
        rmdirSync(pathIn(fd, name));
      } catch (error) {
        if (!STAYS.has(systemErrorCode(error) ?? '')) throw error;
      }
    },
    sync: () => syncFile(fd),
    close: () => closeSync(fd),
  };
}

/**
 * @param base absolute; whatever leads to it is trusted
 * @param names one a level
 * @returns undefined when a level is missing
 * @throws StoreError PATH_TAKEN when a level is a link or a file; system errors
 */
export function openClosedFolder(base: string, names: readonly string[]): ClosedFolder | undefined {
  let fd = openSync(base, constants.O_RDONLY | constants.O_DIRECTORY);
  for (const [level, name] of names.entries()) {
    try {
      const next = openOne(pathIn(fd, name), names.slice(0, level + 1).join('/'));
      closeSync(fd);
      if (next === undefined) return undefined;
      fd = next;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
  return wrap(fd);
}

/**
 * Makes folders below a base where they are missing, each surviving a power cut before anything is put into it.
 * What was made once is not looked for again.
 *
 * @returns a function that makes one, given as names, one a level
 */
export function createFolderMaker(base: string): (names: readonly string[]) => Promise<void> {
  const made = new Set<string>();

  async function make(names: readonly string[]): Promise<void> {
    const key = names.join('/');
    if (names.length === 0 || made.has(key)) return;
    const above = names.slice(0, -1);
    await make(above);
    const folder = openClosedFolder(base, above);
    if (folder === undefined) throw new Error(`${above.join('/')} was removed`);
    try {
      orUndefined('EEXIST', () => mkdirSync(folder.entry(names.at(-1) ?? ''), 0o755));
      await folder.sync();
    } finally {
      folder.close();
    }
    // By way of the opening it is known to be a folder, and no link.
    openClosedFolder(base, names)?.close();
    made.add(key);
  }

  return async (names) => {
    // Somebody may have removed what was made.
    if (made.has(names.join('/')) && inFolder(base, names, () => true) === undefined) made.clear();
    await make(names);
  };
}

/** Does something in a folder, and closes it. @returns undefined where there is no such folder */
export function inFolder<T>(
  base: string,
  names: readonly string[],
  work: (folder: ClosedFolder) => T,
): T | undefined {
  const folder = openClosedFolder(base, names);
  if (folder === undefined) return undefined;
  try {
    return work(folder);
  } finally {
    folder.close();
  }
}

/** Replaces a file of a folder so that at every moment, even after a power cut, it is the old or the new one. */
export async function replaceFile(folder: ClosedFolder, name: string, content: string): Promise<void> {
  const temporary = `${name}.new`;
  folder.remove(temporary);
  try {
    await writeSynced(folder.entry(temporary), content, { mode: 0o644, flags: 'wx' });
    renameSync(folder.entry(temporary), folder.entry(name));
  } catch (error) {
    folder.remove(temporary);
    throw error;
  }
  await folder.sync();
}
