// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, statSync } from 'node:fs';
import { lstat, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage, systemErrorCode } from '../errors.ts';
import { syncDirectory } from './durable-file.ts';

/** As the system has them; for folders of one's own `0o700`. */
const MODE = 0o777;

/** A folder that is there and takes none, as `/proc`: the system says of what is to be made that it is missing. */
const takesNone = (path: string, cause: unknown) =>
  Object.assign(new Error(`no folder can be made in ${dirname(path)} (${errorMessage(cause)})`, { cause }), {
    ...{ code: 'ENOENT', syscall: 'mkdir', path },
  });

/** Whether the folder above may be what is missing. */
const mayMissParent = (error: unknown, path: string) =>
  systemErrorCode(error) === 'ENOENT' && dirname(path) !== path;

async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}

/**
 * Makes a folder and those above it where they are missing. Not by `mkdir` with `recursive`: Node 24.21 tries for ever
 * where the parent is there and yet ENOENT comes, as below `/proc`.
 *
 * @param path absolute
 * @throws the system's error, also where something else stands there
 */
export async function makeFolder(path: string, mode: number = MODE): Promise<void> {
  try {
    await makeOne(path, mode);
  } catch (error) {
    if (!mayMissParent(error, path)) throw error;
    await makeFolder(dirname(path), mode);
    await makeOne(path, mode).catch((again) => {
      throw systemErrorCode(again) === 'ENOENT' ? takesNone(path, again) : again;
    });
  }
}

function makeOneSync(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}

/** {@link makeFolder} for what has to be there when this returns. */
export function makeFolderSync(path: string): void {
  try {
    makeOneSync(path);
  } catch (error) {
    if (!mayMissParent(error, path)) throw error;
    makeFolderSync(dirname(path));
    try {
      makeOneSync(path);
    } catch (again) {
      throw systemErrorCode(again) === 'ENOENT' ? takesNone(path, again) : again;
    }
  }
}

/**
 * Makes one folder where there is none, so that its name survives a power cut. A link in its place would lead whoever
 * writes there elsewhere.
 *
 * @param refuse what is thrown where something else stands there, a link to a folder too
 */
export async function makeOwnFolder(path: string, refuse: (cause: unknown) => Error): Promise<void> {
  try {
    await mkdir(path);
    await syncDirectory(dirname(path));
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
    if (!(await lstat(path)).isDirectory()) throw refuse(error);
  }
}
