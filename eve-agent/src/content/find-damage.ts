import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { HashedFile } from './hash-file.ts';

/**
 * Reads a file again that was verified once.
 *
 * @param sha256 what it had, as 64 hexadecimal digits
 * @returns why it is not what it was, as one clause in which "it" is the file; null when it is
 * @throws the signal's reason
 */
export async function findDamage(
  hashFile: (path: string, signal: AbortSignal) => Promise<HashedFile>,
  path: string,
  sha256: string,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const found = await hashFile(path, signal);
    return found.sha256 === sha256 ? null : `its sha256 is ${found.sha256} now`;
  } catch (error) {
    signal.throwIfAborted();
    if (systemErrorCode(error) === 'ENOENT') return 'it is gone';
    // EIO is damage as well; what else stops the reading will stop the next download, too.
    return `it cannot be read: ${errorMessage(error)}`;
  }
}
