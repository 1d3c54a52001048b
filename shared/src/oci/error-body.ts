// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** The codes of the distribution specification ("Error Codes"), and those that came with Docker's. */
export const OCI_ERROR_CODES = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
  // Docker's: clients know them, and the specification has no other for these.
  'TAG_INVALID',
  'UNKNOWN',
] as const;
export type OciErrorCode = (typeof OCI_ERROR_CODES)[number];

/** One thing that went wrong. */
export interface OciError {
  readonly code: string;
  /** One sentence for a person. */
  readonly message: string;
  /** Whatever helps a program. */
  readonly detail?: unknown;
}

/** The body of a refusal. */
export const ociErrorBody = (errors: readonly OciError[]): string => `${JSON.stringify({ errors })}\n`;

const MAX_ERRORS = 20;
const BODY = z.object({
  errors: z.array(
    z.object({
      code: z.string().catch('UNKNOWN'),
      message: z.string().catch(''),
      detail: z.unknown().optional(),
    }),
  ),
});

/**
 * Reads what a registry says went wrong.
 *
 * @returns the first few; none for a body of another form, as of a proxy before the registry
 */
export function parseOciErrors(text: string): OciError[] {
  try {
    return BODY.parse(JSON.parse(text)).errors.slice(0, MAX_ERRORS);
  } catch {
    return [];
  }
}
