import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory } from './durable-file.ts';
import { isImagePath } from './image-path.ts';

/** Where images and what is known of them stand, without symbolic links. */
export interface Storage {
  readonly root: string;
  readonly state: string;
}

/**
 * Makes a directory and those above it. Not by `mkdir` with `recursive`: Node 24.21 tries for ever where the
 * parent is there and yet ENOENT comes, as below `/proc`.
 */
async function makeDirectory(directory: string): Promise<void> {
  const makeOne = () =>
    mkdir(directory).catch((error) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    });
  try {
    await makeOne();
  } catch (error) {
    const parent = dirname(directory);
    if (systemErrorCode(error) !== 'ENOENT' || parent === directory) throw error;
    await makeDirectory(parent);
    await makeOne();
  }
}

async function prepareDirectory(option: string, directory: string): Promise<string> {
  try {
    await makeDirectory(resolve(directory));
    const real = await realpath(directory);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    throw new ConfigurationError(`${option} ${directory} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  throw new ConfigurationError(`${option} ${directory} is no directory`);
}

const isInside = (inner: string, outer: string) => !relative(outer, inner).startsWith('..');

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
  const state = await prepareDirectory('--state', options.state);
  if (isInside(state, root)) {
    throw new ConfigurationError(
      `--state ${options.state} lies in --root ${options.root}: it would be served`,
    );
  }
  return { root, state };
}

/**
 * Copies a file into the root under its own name: it appears there whole or not at all, and survives a power
 * loss from then on.
 *
 * @returns its path below the root
 * @throws ConfigurationError when it is no regular file, its name cannot be served, or it cannot be copied
 */
export async function addImage(root: string, file: string): Promise<string> {
  const name = basename(file);
  if (!isImagePath(name)) throw new ConfigurationError(`${file}: a file of this name would not be served`);
  const temporary = join(root, `.${randomUUID()}.adding`);
  try {
    if (!(await stat(file)).isFile()) throw new Error('it is no regular file');
    await copyFile(file, temporary);
    const handle = await open(temporary, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    const target = join(root, name);
    await rename(temporary, target);
    await syncDirectory(root);
    return name;
  } catch (error) {
    throw new ConfigurationError(`${file} cannot be added: ${errorMessage(error)}`, { cause: error });
  } finally {
    await rm(temporary, { force: true });
  }
}
