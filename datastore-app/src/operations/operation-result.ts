// SPDX-License-Identifier: Apache-2.0
import { ArchiveError } from '../archive-imports/archive-error.ts';
import type { ImportFailureCode } from '../archive-imports/archive-image.ts';
import { ExportError, type ExportErrorCode } from '../archives/export-image.ts';
import { RegistryError, type RegistryErrorCode } from '../blobs/registry-error.ts';
import { SourceChangedError } from '../content/byte-source.ts';
import { asStoreError, StoreError, type StoreErrorCode } from '../content/store-error.ts';
import { ParserUnavailableError, UnreadableContentError } from '../parsing/file-parser.ts';

/**
 * Why an operation does not do what it was asked for, beside what the stores say. UNSUPPORTED: images of this format
 * do not have it. NOT_HASHED: its digest is not known yet. IMAGE_CHANGED: it was written to meanwhile.
 * IMAGE_UNREADABLE: the disk does not give it, or its content cannot be parsed. DISK_UNKNOWN: there is no such disk in it, or there are several.
 */
export type OperationErrorCode =
  | 'UNSUPPORTED'
  | 'NOT_HASHED'
  | 'IMAGE_CHANGED'
  | 'IMAGE_UNREADABLE'
  | 'DISK_UNKNOWN'
  | StoreErrorCode
  | RegistryErrorCode
  | ExportErrorCode
  | ImportFailureCode
  | ArchiveError['code'];

export interface OperationFailure {
  readonly ok: false;
  readonly code: OperationErrorCode;
  /** A sentence for a person. */
  readonly message: string;
  /** Of what is UNSUPPORTED: the formats that have it. */
  readonly formats?: readonly string[];
}

export type OperationResult<Found extends object> = ({ readonly ok: true } & Found) | OperationFailure;

export const failure = (code: OperationErrorCode, message: string): OperationFailure => ({
  ok: false,
  code,
  message,
});

/** A file that is read was written to meanwhile. */
export class ImageChangedError extends Error {}
/** A file could not be read to its end. */
export class ImageUnreadableError extends Error {}

/** What a foreseen error is as a result; whatever else is thrown stays thrown. */
function failureOf(error: unknown): OperationFailure {
  const known = asStoreError(error);
  if (known instanceof StoreError || known instanceof RegistryError)
    return failure(known.code, known.message);
  if (known instanceof ExportError || known instanceof ArchiveError)
    return failure(known.code, known.message);
  if (error instanceof ImageChangedError || error instanceof SourceChangedError) {
    return failure('IMAGE_CHANGED', 'The image was written to while it was read: try again.');
  }
  if (error instanceof UnreadableContentError || error instanceof ParserUnavailableError) {
    return failure('IMAGE_UNREADABLE', `The image cannot be read: ${error.message}.`);
  }
  if (error instanceof ImageUnreadableError) return failure('IMAGE_UNREADABLE', error.message);
  throw error;
}

/** Waits for work, and gives what was foreseen to go wrong as a value. */
export async function asResult<Found extends object>(
  work: () => Promise<Found | OperationFailure>,
): Promise<OperationResult<Found>> {
  try {
    const found = await work();
    return 'ok' in found ? (found as OperationFailure) : { ok: true, ...found };
  } catch (error) {
    return failureOf(error);
  }
}
