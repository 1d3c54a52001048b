// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/** What the store answers where it does not do what was asked; on the wire a code is all that is said. */
export const STORE_ERROR_CODES = [
  /** The manifest gives no right to it. */
  'DENIED',
  /** There is no such key, or no such watch. */
  'NOT_FOUND',
  /** The value has more bytes than one may have. */
  'TOO_LARGE',
  /** The actor has as many keys, bytes or watches as it may have. */
  'QUOTA',
  /** A path, a pattern or a message of no form that the store knows. */
  'MALFORMED',
  /** Not now: too much waits already, or the store has ended. */
  'BUSY',
] as const;
export type StoreErrorCode = (typeof STORE_ERROR_CODES)[number];

/** The store's refusal, on either side. */
export class StoreError extends CodedError<StoreErrorCode> {}
