// SPDX-License-Identifier: Apache-2.0
import type { Problem } from '@local-datastore/shared/http/problem';
import { StoreError, type StoreErrorCode } from '../content/store-error.ts';

export const NO_SUCH_IMAGE: Problem = { status: 404, detail: 'There is no image at this path.' };

/** The one place that says which failure of the store is which status. */
export const STORE_STATUS = {
  NAME_INVALID: 400,
  NAME_RESERVED: 400,
  NAME_CONFLICT: 409,
  UPLOAD_INVALID: 400,
  BUNDLE_INVALID: 400,
  PATH_TAKEN: 409,
  IMAGE_EXISTS: 412,
  IMAGE_RELEASED: 409,
  IMAGE_MISSING: 404,
  INCOMPLETE: 400,
  EMPTY_CONTENT: 400,
  SIZE_MISMATCH: 400,
  DIGEST_MISMATCH: 400,
  NO_SPACE: 507,
  QUOTA_EXCEEDED: 507,
  NOT_WRITABLE: 403,
} satisfies Record<StoreErrorCode, number>;

/** What a failure of the store is to the client; undefined for what is no StoreError. */
export function storeProblem(error: unknown): Problem | undefined {
  if (!(error instanceof StoreError)) return undefined;
  return { status: STORE_STATUS[error.code], code: error.code, detail: error.message };
}
