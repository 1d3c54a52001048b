// SPDX-License-Identifier: Apache-2.0
import { RunArgumentsError } from './errors.ts';

const MAX_WORDS = 1024;
const MAX_BYTES = 128 * 1024;

/**
 * Arguments are as many and as long as people write them, and can be handed to a program: no byte 0, no half
 * characters.
 *
 * @throws RunArgumentsError
 */
export function requireArgumentText(words: readonly string[]): void {
  const refuse = (why: string) => {
    throw new RunArgumentsError('ARGUMENT_INVALID', null, `the arguments ${why}`);
  };
  if (words.length > MAX_WORDS) refuse(`are more than ${MAX_WORDS} words`);
  let sizeBytes = 0;
  for (const word of words) {
    // In this order: a text that is too long is not looked through.
    sizeBytes += word.length;
    if (sizeBytes <= MAX_BYTES) sizeBytes += Buffer.byteLength(word) - word.length;
    if (sizeBytes > MAX_BYTES) refuse(`are longer than ${MAX_BYTES} bytes`);
    if (word.includes('\0')) refuse('hold a byte 0');
    if (!word.isWellFormed()) refuse('hold a character that is no character of Unicode');
  }
}
