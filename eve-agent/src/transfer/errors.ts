// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/** The way from the datastore to here failed. Exit code 4. */
export class TransferError extends CodedError<
  | 'CONNECTION_FAILED'
  | 'CONNECTION_LOST'
  | 'STALLED'
  | 'HTTP_STATUS'
  | 'RESPONSE_INVALID'
  | 'REDIRECT_REFUSED'
> {}

/** What arrived is not what was asked for. Exit code 5. */
export class ContentError extends CodedError<'DIGEST_MISMATCH' | 'SIZE_MISMATCH'> {}
