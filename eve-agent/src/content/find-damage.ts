// SPDX-License-Identifier: Apache-2.0
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { OciAlgorithm, OciDigest } from '@local-datastore/shared/oci/digest';
import type { HashedFile } from './hash-file.ts';

/**
 * Reads a file again that was verified once.
 *
 * @param digest what it had
 * @returns why it is not what it was, as one clause in which "it" is the file; null when it is
 * @throws the signal's reason
 */
export async function findDamage(
  hashFile: (path: string, signal: AbortSignal, algorithm: OciAlgorithm) => Promise<HashedFile>,
  path: string,
  digest: OciDigest,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const found = await hashFile(path, signal, digest.algorithm);
    return found.hex === digest.hex ? null : `its ${digest.algorithm} is ${found.hex} now`;
  } catch (error) {
    signal.throwIfAborted();
    if (systemErrorCode(error) === 'ENOENT') return 'it is gone';
    // EIO is damage as well; what else stops the reading will stop the next download, too.
    return `it cannot be read: ${errorMessage(error)}`;
  }
}
