// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestFromHex, HEX_DIGITS } from '../digest/digest.ts';

/** Those that the image specification registers, and all clients know. */
export const OCI_ALGORITHMS = ['sha256', 'sha512'] as const;
export type OciAlgorithm = (typeof OCI_ALGORITHMS)[number];

/** What names content to a registry. */
export interface OciDigest extends Digest {
  readonly algorithm: OciAlgorithm;
}

export const isOciAlgorithm = (text: string): text is OciAlgorithm =>
  (OCI_ALGORITHMS as readonly string[]).includes(text);

/**
 * Reads a digest as `sha256:` and its digits (image-spec, descriptor.md, "Digests").
 *
 * @returns undefined for another algorithm, and for what is no digest, such as digits in upper case
 */
export function parseOciDigest(text: string): OciDigest | undefined {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, Math.max(colon, 0));
  const hex = text.slice(colon + 1);
  if (!isOciAlgorithm(algorithm) || hex !== hex.toLowerCase()) return undefined;
  const digest = digestFromHex(algorithm, hex);
  return digest && { algorithm, hex: digest.hex };
}

/** The digest that so many digits are of. @param hex 64 digits of sha256, or 128 of sha512, in lower case */
export const digestOfHex = (hex: string): OciDigest => ({
  algorithm: hex.length === HEX_DIGITS.sha512 ? 'sha512' : 'sha256',
  hex,
});

/** The digest as it stands in manifests and URLs: {@link parseOciDigest} the other way round. */
export const formatDigest = ({ algorithm, hex }: Digest): string => `${algorithm}:${hex}`;
