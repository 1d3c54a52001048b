// SPDX-License-Identifier: Apache-2.0
import { type BlockFile, BY_ITS_OWNER, openBlockFile } from '../../../content/block-file.ts';
import { type FileTargetOptions, type FilledFile, fillPartialFile } from '../../../content/file-target.ts';
import type { HashLanes } from '../../../content/hash-lanes.ts';
import { wrapStorageError } from '../../../content/partial-file.ts';
import type { FilledTarget } from './serve-target.ts';

/** A file that priv has made and named, and that is filled here. */
export interface LentFile {
  /** Where it is now. */
  readonly file: string;
  /** What it is to become: for errors. */
  readonly target: string;
  /** Of an earlier run. */
  readonly storedBytes: number;
}

const byPriv = async () => {};

/** @throws the system's error: files that are lent cannot be opened here */
export async function tryLentFile(path: string): Promise<void> {
  const file = await openBlockFile(path, BY_ITS_OWNER);
  await file.close();
}

/**
 * Hashes and writes the bytes of a file. Its name, what is kept with it, and whether it is removed stay priv's.
 *
 * @param requireSpace asks priv for room
 * @throws CodedError TARGET_UNWRITABLE, NO_SPACE
 */
export async function fillLentFile(
  { file: path, target, storedBytes }: LentFile,
  requireSpace: (neededBytes: number) => Promise<void>,
  options: FileTargetOptions & { readonly lanes: HashLanes },
): Promise<FilledTarget> {
  let file: BlockFile | undefined;
  try {
    file = await openBlockFile(path, BY_ITS_OWNER);
    const lent: FilledFile<object> = {
      ...{ path, file, stored: storedBytes > 0 ? { sizeBytes: storedBytes } : null, requireSpace },
      ...{ writeRecord: byPriv, publish: byPriv, discard: byPriv, discardIfEmpty: byPriv },
      close: file.close,
    };
    return await fillPartialFile(target, lent, options, () => {});
  } catch (error) {
    await file?.close();
    throw wrapStorageError(error, target);
  }
}
