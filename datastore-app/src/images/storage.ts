// SPDX-License-Identifier: Apache-2.0
import { realpath, stat, statfs } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { makeFolder } from '@local-datastore/shared/files/make-folder';

/** Where images and what is known of them stand, without symbolic links. */
export interface Storage {
  readonly root: string;
  readonly state: string;
}

async function prepareDirectory(option: string, directory: string): Promise<string> {
  try {
    await makeFolder(resolve(directory));
    const real = await realpath(directory);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    throw new ConfigurationError(`${option} ${directory} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  throw new ConfigurationError(`${option} ${directory} is no directory`);
}

/** Makes the state directory where it is missing. @throws ConfigurationError when it cannot be used */
export const prepareState = (state: string): Promise<string> => prepareDirectory('--state', state);

/** Whether a directory is another, or lies in it. Both absolute. */
export const isInside = (inner: string, outer: string): boolean => !relative(outer, inner).startsWith('..');

/**
 * Makes both directories where they are missing.
 *
 * @throws ConfigurationError when one cannot be used, or what is remembered would be served
 */
export async function prepareStorage(options: {
  readonly root: string;
  readonly state: string;
}): Promise<Storage> {
  const root = await prepareDirectory('--root', options.root);
  const state = await prepareState(options.state);
  if (isInside(state, root)) {
    throw new ConfigurationError(
      `--state ${options.state} lies in --root ${options.root}: it would be served`,
    );
  }
  return { root, state };
}

export interface DiskSpace {
  /** What this process may still take. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The space of the volume that holds a folder. */
export async function diskSpaceOf(directory: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
