// SPDX-License-Identifier: Apache-2.0
/** Node's names. SHA-1 and MD5 tell damage on the way, and no intent. */
export type DigestAlgorithm = 'sha256' | 'sha512' | 'sha1' | 'md5';

/** What some content is to have, or has. */
export interface Digest {
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hexadecimal digits. */
  readonly hex: string;
}

/** How many hexadecimal digits each has. */
export const HEX_DIGITS: Readonly<Record<DigestAlgorithm, number>> = {
  sha256: 64,
  sha512: 128,
  sha1: 40,
  md5: 32,
};

/** @returns undefined unless it is that many hexadecimal digits, in either case */
export function digestFromHex(algorithm: DigestAlgorithm, text: string): Digest | undefined {
  const hex = text.toLowerCase();
  return hex.length === HEX_DIGITS[algorithm] && /^[0-9a-f]*$/.test(hex) ? { algorithm, hex } : undefined;
}
