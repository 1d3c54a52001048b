// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '../errors.ts';

const SHA256_HEX = /^[0-9a-f]{64}$/;

/**
 * Reads a sha256 as people paste it: 64 hexadecimal digits in either case, with or without OCI's `sha256:`.
 *
 * @returns 64 lower-case hexadecimal digits
 * @throws ConfigurationError for anything else
 */
export function parseSha256(input: string): string {
  const digest = input
    .trim()
    .toLowerCase()
    .replace(/^sha256:/, '');
  if (!SHA256_HEX.test(digest)) {
    throw new ConfigurationError(`sha256 "${input}" must be 64 hexadecimal digits`);
  }
  return digest;
}
