// SPDX-License-Identifier: Apache-2.0
import { ImageStreamError } from './image-stream-error.ts';

/**
 * A window of zstd of 8 MiB, which all levels up to 19 do with: one for the archive, one for a layer, and those of layers
 * before whose memory nobody has collected yet.
 */
export const UNPACK_LIMITS = { maxWindowLog: 23 };

export interface BudgetLimits {
  /** Of the archive, unpacked, and of its layers, unpacked, each. */
  readonly maxBytes: number;
  /** What the engine has room for; undefined: nobody knows. */
  readonly freeBytes?: number | undefined;
}

/** What an archive may still take. */
export interface Budget {
  /** So much of the archive came, unpacked. @throws ImageStreamError ARCHIVE_TOO_LARGE */
  addArchived(bytes: number): void;
  /** So much of a layer was unpacked. @throws ImageStreamError ARCHIVE_TOO_LARGE */
  addUnpacked(bytes: number): void;
  /** So much the engine stores: what is handed to it, and layers that it has not. @throws ImageStreamError NO_SPACE */
  addStored(bytes: number): void;
}

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;

export function createBudget({ maxBytes, freeBytes = Number.POSITIVE_INFINITY }: BudgetLimits): Budget {
  let archivedBytes = 0;
  let unpackedBytes = 0;
  let storedBytes = 0;
  const tooLarge = (what: string) =>
    new ImageStreamError(
      'ARCHIVE_TOO_LARGE',
      `${what} more than the ${mebibytes(maxBytes)} that are taken.`,
      { details: { maxBytes } },
    );
  return {
    addArchived(bytes) {
      archivedBytes += bytes;
      if (archivedBytes > maxBytes) throw tooLarge('The archive is');
    },
    addUnpacked(bytes) {
      unpackedBytes += bytes;
      if (unpackedBytes > maxBytes) throw tooLarge('The layers of the archive are, unpacked,');
    },
    addStored(bytes) {
      storedBytes += bytes;
      if (storedBytes > freeBytes) {
        throw new ImageStreamError(
          'NO_SPACE',
          `The image needs more than the ${mebibytes(freeBytes)} that the engine has left.`,
          { details: { freeBytes } },
        );
      }
    },
  };
}
