// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '../errors.ts';

/**
 * Why content cannot be unpacked. CUT_OFF: it ends too early. DAMAGED: it is not what it begins as. TRAILING: something
 * else follows it. WINDOW_TOO_LARGE: unpacking it takes more memory than is given.
 */
export type CompressionErrorCode = 'CUT_OFF' | 'DAMAGED' | 'TRAILING' | 'WINDOW_TOO_LARGE';
export class CompressionError extends CodedError<CompressionErrorCode> {}
