// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { describeCaseTwins } from '../images/case-twins.ts';
import { MAX_IMAGES } from '../images/catalogue.ts';
import { describeKeptNames } from '../images/kept-names.ts';
import { scanImages } from '../images/scan.ts';
import { isInside } from '../images/storage.ts';
import type { CheckedImages, Problem } from './report.ts';

interface FoundDirectory {
  /** Without symbolic links as far as it exists. */
  readonly path: string;
  readonly exists: boolean;
  readonly isWritable: boolean;
}

const isAccessible = (path: string, mode: number) =>
  access(path, mode).then(
    () => true,
    () => false,
  );

/** A directory as it is, or where it would be made. @throws system errors, such as ENOTDIR */
async function findDirectory(directory: string): Promise<FoundDirectory> {
  const path = resolve(directory);
  try {
    const real = await realpath(path);
    if (!(await stat(real)).isDirectory()) throw new Error('it is no directory');
    return { path: real, exists: true, isWritable: await isAccessible(real, constants.W_OK) };
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    const parent = await findDirectory(dirname(path));
    return { path: path.replace(dirname(path), parent.path), exists: false, isWritable: parent.isWritable };
  }
}

const error = (message: string): Problem => ({ severity: 'error', message });

/** Looks at one directory that `serve` would make where it is missing. */
async function checkDirectory(
  option: string,
  directory: string,
): Promise<{ readonly found: FoundDirectory | undefined; readonly problems: readonly Problem[] }> {
  try {
    const found = await findDirectory(directory);
    if (!found.exists && !found.isWritable) {
      return { found, problems: [error(`${option} ${directory} does not exist and cannot be made`)] };
    }
    const message = `${option} ${directory} does not exist yet; it is made at the first start`;
    return { found, problems: found.exists ? [] : [{ severity: 'info', message }] };
  } catch (cause) {
    return { found: undefined, problems: [error(`${option} ${directory}: ${errorMessage(cause)}`)] };
  }
}

async function countImages(
  root: FoundDirectory,
): Promise<{ readonly counted: CheckedImages; readonly aboutNames: readonly string[] }> {
  const { files } = root.exists
    ? await scanImages(root.path, MAX_IMAGES, new AbortController().signal)
    : { files: [] };
  const sizeBytes = files.reduce((sum, { version }) => sum + version.sizeBytes, 0);
  const counted = { root: root.path, count: files.length, sizeBytes };
  const paths = files.map(({ path }) => path);
  return { counted, aboutNames: [describeKeptNames(paths) ?? [], describeCaseTwins(paths) ?? []].flat() };
}

/** Looks at root and state directory, and writes nothing. */
export async function checkStorage(options: { readonly root: string; readonly state: string }): Promise<{
  readonly images: CheckedImages | null;
  readonly state: string | null;
  readonly problems: readonly Problem[];
}> {
  const root = await checkDirectory('--root', options.root);
  const state = await checkDirectory('--state', options.state);
  const problems = [...root.problems, ...state.problems];
  if (root.found?.exists === true && !root.found.isWritable) {
    problems.push({
      severity: 'warning',
      message: `--root ${options.root} cannot be written to: nobody can upload or delete images`,
    });
  }
  if (state.found?.exists === true && !state.found.isWritable) {
    problems.push(
      error(`--state ${options.state} cannot be written to: digests and the write token go there`),
    );
  }
  if (root.found && state.found && isInside(state.found.path, root.found.path)) {
    problems.push(error(`--state ${options.state} lies in --root ${options.root}: it would be served`));
  }
  let images: CheckedImages | null = null;
  try {
    const looked = root.found && (await countImages(root.found));
    images = looked?.counted ?? null;
    for (const message of looked?.aboutNames ?? []) problems.push({ severity: 'warning', message });
  } catch (cause) {
    problems.push(error(`--root ${options.root} cannot be read: ${errorMessage(cause)}`));
  }
  if (images?.count === 0 && root.found?.exists === true) {
    problems.push({ severity: 'info', message: `--root ${options.root} holds no image yet` });
  }
  return { images, state: state.found?.path ?? null, problems };
}
