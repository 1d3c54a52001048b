import { createHash, type Hash } from 'node:crypto';
import { StoreError } from './store-error.ts';

/** Node's names. SHA-1 and MD5 tell damage on the way, and no intent. */
export type DigestAlgorithm = 'sha256' | 'sha512' | 'sha1' | 'md5';

/** What somebody promises of content. */
export interface ExpectedDigest {
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hexadecimal digits. */
  readonly hex: string;
}

/**
 * Hands content on, and fails at its end where it is not what was promised, so that nothing of it is kept.
 *
 * @throws StoreError DIGEST_MISMATCH; whatever `content` throws
 */
export async function* verifiedContent(
  content: AsyncIterable<Uint8Array>,
  expected: readonly ExpectedDigest[],
): AsyncGenerator<Uint8Array> {
  const hashes = new Map<DigestAlgorithm, Hash>(
    expected.map(({ algorithm }) => [algorithm, createHash(algorithm)]),
  );
  for await (const piece of content) {
    for (const hash of hashes.values()) hash.update(piece);
    yield piece;
  }
  for (const { algorithm, hex } of expected) {
    const found = hashes.get(algorithm)?.copy().digest('hex');
    if (found === hex) continue;
    throw new StoreError(
      'DIGEST_MISMATCH',
      `The content has the ${algorithm} ${found}, not the promised ${hex}: it was damaged on the way, or is another file.`,
    );
  }
}
