// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash } from 'node:crypto';
import type { Digest, DigestAlgorithm } from '@local-datastore/shared/digest/digest';
import { StoreError } from './store-error.ts';

/** Reads content along, and knows in the end what it was. */
export interface ContentCheck {
  update(piece: Uint8Array): void;
  /** @throws StoreError DIGEST_MISMATCH where it is not what was promised */
  require(): void;
  /** Lower-case hexadecimal digits; of an algorithm that was asked for. */
  hexOf(algorithm: DigestAlgorithm): string;
}

/** @param algorithms to be computed beside those of the promises */
export function checkContent(
  expected: readonly Digest[],
  algorithms: readonly DigestAlgorithm[] = [],
): ContentCheck {
  const hashes = new Map<DigestAlgorithm, Hash>(
    [...algorithms, ...expected.map(({ algorithm }) => algorithm)].map((each) => [each, createHash(each)]),
  );
  const hexOf = (algorithm: DigestAlgorithm) => {
    const hash = hashes.get(algorithm);
    if (hash === undefined) throw new Error(`no ${algorithm} was asked for`);
    return hash.copy().digest('hex');
  };
  return {
    update(piece) {
      for (const hash of hashes.values()) hash.update(piece);
    },
    require() {
      for (const digest of expected) requireDigest(digest, hexOf(digest.algorithm));
    },
    hexOf,
  };
}

/** @throws StoreError DIGEST_MISMATCH */
export function requireDigest({ algorithm, hex }: Digest, found: string): void {
  if (found === hex) return;
  throw new StoreError(
    'DIGEST_MISMATCH',
    `The content has the ${algorithm} ${found}, not the promised ${hex}: it was damaged on the way, or is another file.`,
    { details: { algorithm, expected: hex, found } },
  );
}

/**
 * Hands content on, and fails at its end where it is not what was promised, so that nothing of it is kept.
 *
 * @throws StoreError DIGEST_MISMATCH; whatever `content` throws
 */
export async function* verifiedContent(
  content: AsyncIterable<Uint8Array>,
  expected: readonly Digest[],
): AsyncGenerator<Uint8Array> {
  const check = checkContent(expected);
  for await (const piece of content) {
    check.update(piece);
    yield piece;
  }
  check.require();
}
