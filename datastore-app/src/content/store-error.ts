// SPDX-License-Identifier: Apache-2.0
import { CodedError, systemErrorCode } from '@local-datastore/shared/errors';

/**
 * Why an image was not stored, removed or found.
 *
 * NAME_INVALID: no image may have this path; NAME_RESERVED: no new one may, since the registry does; NAME_CONFLICT: another
 * image has this path but for upper and lower case; UPLOAD_INVALID: what is said of an upload cannot be understood;
 * BUNDLE_INVALID: a tar is damaged, or does not hold what a bundle must; PATH_TAKEN: a folder or a special file
 * stands there, or a file stands where a folder is needed; IMAGE_EXISTS: there is one, and it was not to be
 * replaced; IMAGE_RELEASED: it was marked to stay as it is; IMAGE_MISSING: there is none; INCOMPLETE: the content ended early; EMPTY_CONTENT:
 * there was none, and that was not meant; SIZE_MISMATCH and
 * DIGEST_MISMATCH: it is not what was promised; NO_SPACE and QUOTA_EXCEEDED: it would fill the volume beyond
 * what is kept free, or the images beyond their quota; NOT_WRITABLE: the volume takes no change.
 */
export type StoreErrorCode =
  | 'NAME_INVALID'
  | 'NAME_RESERVED'
  | 'NAME_CONFLICT'
  | 'UPLOAD_INVALID'
  | 'BUNDLE_INVALID'
  | 'PATH_TAKEN'
  | 'IMAGE_EXISTS'
  | 'IMAGE_RELEASED'
  | 'IMAGE_MISSING'
  | 'INCOMPLETE'
  | 'EMPTY_CONTENT'
  | 'SIZE_MISMATCH'
  | 'DIGEST_MISMATCH'
  | 'NO_SPACE'
  | 'QUOTA_EXCEEDED'
  | 'NOT_WRITABLE';

export class StoreError extends CodedError<StoreErrorCode> {}

/** What the system refuses, in the words of the store. Everything else is nobody's to foresee. */
const SYSTEM_ERRORS: Readonly<Record<string, readonly [StoreErrorCode, string]>> = {
  ENOSPC: ['NO_SPACE', 'The volume is full.'],
  EDQUOT: ['NO_SPACE', 'The quota of the file system is used up.'],
  EFBIG: ['NO_SPACE', 'The file system of the volume takes no file of this size.'],
  EROFS: ['NOT_WRITABLE', 'The volume of the images can only be read.'],
  EACCES: ['NOT_WRITABLE', 'The datastore is not permitted to change the volume of the images here.'],
  EPERM: ['NOT_WRITABLE', 'The datastore is not permitted to change the volume of the images here.'],
  ENOTDIR: ['PATH_TAKEN', 'A file stands where the path needs a folder.'],
  EISDIR: ['PATH_TAKEN', 'A folder has this path.'],
  ENAMETOOLONG: ['NAME_INVALID', 'A name in the path is too long for the file system of the volume.'],
};

/** The StoreError that a system error comes to; any other error as it is. */
export function asStoreError(error: unknown): unknown {
  const [code, message] = SYSTEM_ERRORS[systemErrorCode(error) ?? ''] ?? [];
  return code === undefined || message === undefined
    ? error
    : new StoreError(code, message, { cause: error });
}

/** Waits for work, and fails in the words of the store. */
export async function inWordsOfTheStore<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asStoreError(error);
  }
}
