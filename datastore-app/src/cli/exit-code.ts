// SPDX-License-Identifier: Apache-2.0
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import { CodedError, type ConfigurationError } from '@local-datastore/shared/errors';
import type { ArchiveError } from '../archive-imports/archive-error.ts';
import type { ImportFailureCode } from '../archive-imports/archive-image.ts';
import type { StoreError } from '../content/store-error.ts';

/** Files whose content changed although nothing else did. */
export class CorruptionError extends CodedError<'IMAGE_CORRUPT'> {}

/**
 * The datastore that a command speaks to does not answer, or does not do what it is asked for; or what it is to import
 * from does not.
 */
export class AnswerError extends CodedError<'DATASTORE_UNREACHABLE' | 'DATASTORE_FAILED' | 'SOURCE_FAILED'> {}

/** Images that could not be imported. */
export class ImportFailedError extends CodedError<ImportFailureCode> {}

type DatastoreErrorCode = (
  | ConfigurationError
  | StoreError
  | CorruptionError
  | AnswerError
  | ArchiveError
  | ImportFailedError
)['code'];

/** The one place that says which error ends the program with which code. */
const EXIT_CODE_OF: Record<DatastoreErrorCode, number> = {
  CONFIGURATION_INVALID: EXIT_CODES.usage,
  DATASTORE_UNREACHABLE: EXIT_CODES.datastoreNotFound,
  DATASTORE_FAILED: EXIT_CODES.transferFailed,
  SOURCE_FAILED: EXIT_CODES.transferFailed,
  IMAGE_CORRUPT: EXIT_CODES.contentMismatch,
  ARCHIVE_INVALID: EXIT_CODES.contentMismatch,
  ARCHIVE_TOO_LARGE: EXIT_CODES.contentMismatch,
  CONTENT_MISSING: EXIT_CODES.contentMismatch,
  IMAGE_INVALID: EXIT_CODES.contentMismatch,
  DENIED: EXIT_CODES.usage,
  NAME_CONFLICT: EXIT_CODES.usage,
  NAME_MISSING: EXIT_CODES.usage,
  PLATFORM_UNKNOWN: EXIT_CODES.usage,
  READ_ONLY: EXIT_CODES.usage,
  REPOSITORY_UNREADABLE: EXIT_CODES.transferFailed,
  TAG_RELEASED: EXIT_CODES.usage,
  TOO_MANY: EXIT_CODES.usage,
  NAME_INVALID: EXIT_CODES.usage,
  NAME_RESERVED: EXIT_CODES.usage,
  UPLOAD_INVALID: EXIT_CODES.usage,
  BUNDLE_INVALID: EXIT_CODES.contentMismatch,
  PATH_TAKEN: EXIT_CODES.usage,
  IMAGE_EXISTS: EXIT_CODES.usage,
  IMAGE_RELEASED: EXIT_CODES.usage,
  IMAGE_MISSING: EXIT_CODES.usage,
  INCOMPLETE: EXIT_CODES.contentMismatch,
  EMPTY_CONTENT: EXIT_CODES.usage,
  SIZE_MISMATCH: EXIT_CODES.contentMismatch,
  DIGEST_MISMATCH: EXIT_CODES.contentMismatch,
  NO_SPACE: EXIT_CODES.noSpace,
  QUOTA_EXCEEDED: EXIT_CODES.noSpace,
  NOT_WRITABLE: EXIT_CODES.usage,
};

/** What the program ends with after an error; undefined: nobody foresaw it. */
export function exitCodeOf(error: unknown): number | undefined {
  return error instanceof CodedError ? EXIT_CODE_OF[error.code as DatastoreErrorCode] : undefined;
}
