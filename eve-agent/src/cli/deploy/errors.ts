// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/** An operation on a deployment that was taken back. */
export class OperationError extends CodedError<
  'OPERATION_FAILED' | 'OPERATION_CONTENT' | 'OPERATION_NO_SPACE'
> {}
