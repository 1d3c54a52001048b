// SPDX-License-Identifier: Apache-2.0
/** Content that no configuration refers to. */
export interface Unreferenced {
  readonly sha256: string;
  /** What its removal would free. */
  readonly sizeBytes: number;
  readonly expiresAtMs: number;
}

export interface Removal {
  readonly steps: readonly { readonly kind: 'remove'; readonly sha256: string }[];
  /** When the next of those that stay is due. */
  readonly nextExpiryMs: number;
}

/**
 * Which unreferenced content goes: what is out of its grace time; and when space is needed for something that
 * is wanted, more of it, the longest unused first, though only if that makes enough room.
 */
export function removeUnreferenced(
  unreferenced: readonly Unreferenced[],
  neededBytes: number,
  nowMs: number,
): Removal {
  const byAge = [...unreferenced].sort((left, right) => left.expiresAtMs - right.expiresAtMs);
  const allBytes = byAge.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let missingBytes = neededBytes <= allBytes ? neededBytes : 0;
  let nextExpiryMs = Number.POSITIVE_INFINITY;
  const steps: { kind: 'remove'; sha256: string }[] = [];
  for (const { sha256, sizeBytes, expiresAtMs } of byAge) {
    if (expiresAtMs > nowMs && missingBytes <= 0) {
      nextExpiryMs = expiresAtMs;
      break;
    }
    missingBytes -= sizeBytes;
    steps.push({ kind: 'remove', sha256 });
  }
  return { steps, nextExpiryMs };
}
