// SPDX-License-Identifier: Apache-2.0
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { ExpectedContent, Verdict } from '../transfer/target.ts';

/**
 * Judges content by its digest. Its size is judged before, by {@link isWrongSize}, as no byte need be hashed then.
 *
 * @param digest of what has come
 */
export function judgeDigest(digest: OciDigest, expected: Pick<ExpectedContent, 'digest'>): Verdict {
  const isWrong = expected.digest !== null && digest.hex !== expected.digest.hex;
  return { kind: isWrong ? 'wrong-digest' : 'accepted', digest };
}

/** Whether content cannot be what was wanted, whatever its bytes are. */
export function isWrongSize(sizeBytes: number, expected: Pick<ExpectedContent, 'sizeBytes'>): boolean {
  return expected.sizeBytes !== null && sizeBytes !== expected.sizeBytes;
}
