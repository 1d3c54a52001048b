// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@local-datastore/shared/digest/digest';
import type { FileVersion } from '../content/file-version.ts';
import type { Hasher, HashOutcome } from '../content/hasher.ts';

/**
 * Reads a file again. A difference is believed when it is seen twice: a single one may have come about in
 * memory or on the bus, and then the file is sound.
 *
 * @param hash reads from the disk
 * @param known the digest that the file had; null: none is known, and its sha256 is computed
 * @returns what was read at last
 */
export async function hashAgain(
  hash: Hasher['hash'],
  file: string,
  version: FileVersion,
  known: Digest | null,
): Promise<HashOutcome> {
  const algorithm = known?.algorithm ?? 'sha256';
  const outcome = await hash(file, version, { algorithm });
  if (outcome.kind !== 'hashed' || known === null || outcome.hex === known.hex) return outcome;
  return hash(file, version, { algorithm });
}
