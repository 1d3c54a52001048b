import type { ExpectedContent, Verdict } from '../transfer/target.ts';

/**
 * Judges content by its digest. Its size is judged before, by {@link isWrongSize}, as no byte need be hashed then.
 *
 * @param sha256 of what has come, as 64 hexadecimal digits
 */
export function judgeDigest(sha256: string, expected: Pick<ExpectedContent, 'sha256'>): Verdict {
  const isWrong = expected.sha256 !== null && sha256 !== expected.sha256;
  return { kind: isWrong ? 'wrong-digest' : 'accepted', sha256 };
}

/** Whether content cannot be what was wanted, whatever its bytes are. */
export function isWrongSize(sizeBytes: number, expected: Pick<ExpectedContent, 'sizeBytes'>): boolean {
  return expected.sizeBytes !== null && sizeBytes !== expected.sizeBytes;
}
