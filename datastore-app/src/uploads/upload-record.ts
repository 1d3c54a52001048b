// SPDX-License-Identifier: Apache-2.0
import { parseSha256 } from '@local-datastore/shared/digest/sha256';
import { errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';
import type { ChangeOrigin } from '../changes/change.ts';
import { StoreError } from '../content/store-error.ts';
import { isImagePath } from '../images/image-path.ts';
import { requireImagePath } from '../images/placing.ts';

/** What is remembered of an upload, beside what has arrived of it. */
export interface UploadRecord {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** Where the image will stand. */
  readonly path: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits: what the client promises. */
  readonly sha256: string | null;
  readonly replace: boolean;
  /** ISO 8601. */
  readonly created: string;
  /** Who began it; absent: it was begun before that was written down. */
  readonly origin?: ChangeOrigin | undefined;
  /** As the client sent it, keys with their decoded values: tus gives it back. */
  readonly metadata: Readonly<Record<string, string | null>>;
  /** What was found when all had arrived; whoever has it and no content any more has been published. */
  readonly verifiedSha256: string | null;
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);

const recordSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  path: z.string().refine(isImagePath),
  sizeBytes: z.number().int().nonnegative(),
  sha256: digest.nullable(),
  replace: z.boolean(),
  created: z.iso.datetime(),
  origin: z.object({ by: z.string(), client: z.string().nullable() }).optional(),
  metadata: z.record(z.string(), z.string().nullable()),
  verifiedSha256: digest.nullable(),
});

/** @returns undefined for what is no record, such as one that a power cut left half written */
export function parseUploadRecord(text: string): UploadRecord | undefined {
  try {
    const record = recordSchema.safeParse(JSON.parse(text));
    return record.success ? record.data : undefined;
  } catch {
    return undefined;
  }
}

const REPLACE = new Map([
  ['true', true],
  ['false', false],
]);

/**
 * Reads what a client says of the image that it is about to upload, by tus's `Upload-Metadata`: `path`, or
 * else `filename`; `sha256` and `replace` where given. Other keys are kept, and mean nothing here.
 *
 * @throws StoreError NAME_INVALID, NAME_RESERVED or UPLOAD_INVALID
 */
export function parseUploadMetadata(
  metadata: Readonly<Record<string, string | null>>,
): Pick<UploadRecord, 'path' | 'sha256' | 'replace'> {
  const name = metadata.path ?? metadata.filename;
  if (name == null) {
    throw new StoreError(
      'UPLOAD_INVALID',
      'Upload-Metadata must hold path, or filename: where the image shall stand below the root.',
    );
  }
  const path = name.replace(/^\/+/, '');
  requireImagePath(path);
  const replace = REPLACE.get(metadata.replace ?? 'false');
  if (replace === undefined) {
    throw new StoreError('UPLOAD_INVALID', 'replace in Upload-Metadata must be "true" or "false".');
  }
  try {
    return { path, sha256: metadata.sha256 == null ? null : parseSha256(metadata.sha256), replace };
  } catch (error) {
    throw new StoreError('UPLOAD_INVALID', `Upload-Metadata: ${errorMessage(error)}.`, { cause: error });
  }
}
