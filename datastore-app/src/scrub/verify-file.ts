import type { FileVersion } from '../content/file-version.ts';
import type { HashOutcome } from '../content/hasher.ts';

/**
 * Reads a file again. A difference is believed when it is seen twice: a single one may have come about in
 * memory or on the bus, and then the file is sound.
 *
 * @param hash reads from the disk
 * @param known the digest that the file had
 * @returns what was read at last
 */
export async function hashAgain(
  hash: (file: string, version: FileVersion) => Promise<HashOutcome>,
  file: string,
  version: FileVersion,
  known: string | null,
): Promise<HashOutcome> {
  const outcome = await hash(file, version);
  if (outcome.kind !== 'hashed' || known === null || outcome.sha256 === known) return outcome;
  return hash(file, version);
}
