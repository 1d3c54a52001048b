// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/**
 * Why nothing at all of an archive can be taken.
 *
 * ARCHIVE_INVALID: it is damaged, cut off, or none that holds container images. ARCHIVE_TOO_LARGE: it holds more than
 * any archive does, or is compressed as none is.
 */
export type ArchiveErrorCode = 'ARCHIVE_INVALID' | 'ARCHIVE_TOO_LARGE';
export class ArchiveError extends CodedError<ArchiveErrorCode> {}

export const invalidArchive = (message: string, cause?: unknown): ArchiveError =>
  new ArchiveError('ARCHIVE_INVALID', message, { cause });

/** It ends where something of it is still to come. */
export const cutOffArchive = (): ArchiveError =>
  invalidArchive('It ends within a member: only a part of it came.');
