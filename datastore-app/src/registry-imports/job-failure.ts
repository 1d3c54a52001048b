// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import { ManifestError } from '@local-datastore/shared/oci/manifest';
import { RegistryError } from '../blobs/registry-error.ts';
import { StoreError } from '../content/store-error.ts';
import { UpstreamError, type UpstreamErrorCode } from '../upstream/upstream-error.ts';

/**
 * Why an import did not come to its end. Beside what an upstream does (UNREACHABLE, DENIED, NOT_FOUND, INVALID):
 * NO_SPACE: there is no room, or the quota is used up. REFUSED: this registry does not take it, such as a tag that
 * was released. FAILED: nobody foresaw it.
 */
export const JOB_FAILURES = [
  'UNREACHABLE',
  'DENIED',
  'NOT_FOUND',
  'INVALID',
  'NO_SPACE',
  'REFUSED',
  'FAILED',
] as const;
export type JobFailureCode = (typeof JOB_FAILURES)[number];

export interface JobFailure {
  readonly code: JobFailureCode;
  /** As a sentence, without a secret. */
  readonly message: string;
}

/** An import cannot be begun, or is none that this could be done with. */
export class ImportJobError extends CodedError<'JOB_UNKNOWN' | 'JOB_STATE' | 'TOO_MANY_JOBS'> {}

const STORE_FAILURES: Readonly<Record<string, JobFailureCode>> = {
  NO_SPACE: 'NO_SPACE',
  QUOTA_EXCEEDED: 'NO_SPACE',
  SIZE_MISMATCH: 'INVALID',
  DIGEST_MISMATCH: 'INVALID',
  INCOMPLETE: 'INVALID',
};

/** What an error is to whoever wanted the import. Of what nobody foresaw the words stay in the log. */
export function jobFailureOf(error: unknown): JobFailure {
  if (error instanceof UpstreamError) {
    return { code: error.code satisfies UpstreamErrorCode, message: error.message };
  }
  if (error instanceof ManifestError) return { code: 'INVALID', message: error.message };
  if (error instanceof StoreError) {
    return { code: STORE_FAILURES[error.code] ?? 'REFUSED', message: error.message };
  }
  if (error instanceof RegistryError) return { code: 'REFUSED', message: error.message };
  return { code: 'FAILED', message: 'something unforeseen went wrong: the log of the datastore says what' };
}
