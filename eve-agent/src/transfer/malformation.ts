// SPDX-License-Identifier: Apache-2.0
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { MalformedAnswer } from './response-head.ts';

/** undici's own codes for an answer that it cannot use. */
const UNDICI_CODES = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);
/** undici (8.x) has no codes for 100 and 101 that nobody asked for. */
const UNDICI_MESSAGES = new Set(['bad response', 'bad upgrade']);
/** llhttp's code for a connection that ends too early: in the body that is no malformation. */
const EARLY_END = 'HPE_INVALID_EOF_STATE';

/**
 * What is wrong with an answer that did come, but could not be read: one clause.
 *
 * @returns null when the error is of another kind
 */
export function readMalformation(error: Error): string | null {
  if (error instanceof MalformedAnswer) return error.message;
  const code = systemErrorCode(error) ?? '';
  const message = errorMessage(error);
  if (UNDICI_MESSAGES.has(message)) return 'an interim response (1xx) that was not asked for';
  if (code === EARLY_END || !(code.startsWith('HPE_') || UNDICI_CODES.has(code))) return null;
  // "Response does not match the HTTP/1.1 protocol (Expected HTTP/)"
  return /^Response does not match the HTTP\/1\.1 protocol \((.+)\)$/.exec(message)?.[1] ?? message;
}
