// SPDX-License-Identifier: Apache-2.0
import type { Problem } from '@local-datastore/shared/http/problem';
import type { OperationErrorCode, OperationFailure } from '../operations/operation-result.ts';
import { OF_EXPORT, OF_REGISTRY } from './registry-problem.ts';
import { STORE_STATUS } from './store-problem.ts';

/** The one place that says which failure of an operation is which status. */
const STATUS: Readonly<Record<OperationErrorCode, number>> = {
  ...STORE_STATUS,
  ...OF_REGISTRY,
  ...OF_EXPORT,
  ARCHIVE_INVALID: 400,
  ARCHIVE_TOO_LARGE: 400,
  DENIED: 403,
  IMAGE_INVALID: 400,
  NAME_MISSING: 400,
  UNSUPPORTED: 409,
  NOT_HASHED: 409,
  IMAGE_CHANGED: 503,
  IMAGE_UNREADABLE: 503,
  DISK_UNKNOWN: 409,
  // Nothing is uploaded here: there is one of the name already.
  IMAGE_EXISTS: 409,
};

/** What a failure of an operation is to a client of the API. */
export const operationProblem = ({ code, message }: OperationFailure): Problem => ({
  status: STATUS[code],
  code,
  detail: message,
});
