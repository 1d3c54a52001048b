import { CodedError } from '@local-datastore/shared/errors';

/**
 * Why an image was not stored, removed or found.
 *
 * NAME_INVALID: no image may have this path; UPLOAD_INVALID: what is said of an upload cannot be understood;
 * BUNDLE_INVALID: a tar is damaged, or does not hold what a bundle must; PATH_TAKEN: a folder or a special file
 * stands there, or a file stands where a folder is needed; IMAGE_EXISTS: there is one, and it was not to be
 * replaced; IMAGE_MISSING: there is none; INCOMPLETE: the content ended early; SIZE_MISMATCH and
 * DIGEST_MISMATCH: it is not what was promised; NO_SPACE and QUOTA_EXCEEDED: it would fill the volume beyond
 * what is kept free, or the images beyond their quota.
 */
export type StoreErrorCode =
  | 'NAME_INVALID'
  | 'UPLOAD_INVALID'
  | 'BUNDLE_INVALID'
  | 'PATH_TAKEN'
  | 'IMAGE_EXISTS'
  | 'IMAGE_MISSING'
  | 'INCOMPLETE'
  | 'SIZE_MISMATCH'
  | 'DIGEST_MISMATCH'
  | 'NO_SPACE'
  | 'QUOTA_EXCEEDED';

export class StoreError extends CodedError<StoreErrorCode> {}
