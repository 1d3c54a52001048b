// SPDX-License-Identifier: Apache-2.0
import { open } from 'node:fs/promises';
import { type FileVersion, modifiedAt } from '../content/file-version.ts';
import type { ImageDescription } from '../formats/image-description.ts';
import type { FileParser } from '../parsing/file-parser.ts';
import type { Growth } from './settling.ts';

/** An image as it is listed. */
export interface Image extends ImageDescription {
  /** Relative to the root, and its URL path without the first slash. */
  readonly path: string;
  /** Of a symbolic link: the path of the file to which it leads. */
  readonly linkTo?: string;
  /** Where another path looks the same: the Unicode form of this one. */
  readonly nameForm?: 'composed' | 'decomposed' | 'mixed';
  /** Where another path differs in upper and lower case alone: that one. */
  readonly caseTwin?: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits; null until it is hashed. */
  readonly sha256: string | null;
  /** `corrupt`: read again, it was not what it had been; it is not served until it is replaced. */
  readonly state: 'hashing' | 'ready' | 'corrupt';
  /** It is not hashed yet, as it may not be complete: somebody has it open, or it was written to lately. */
  readonly isGrowing: boolean;
  /** How far hashing is. */
  readonly hashedBytes: number;
  /** ISO 8601: when its content was last read and compared; null: not yet. */
  readonly verifiedAt: string | null;
  /** ISO 8601. */
  readonly modified: string;
}

/** What the catalogue knows of an image. */
export interface Entry {
  version: FileVersion;
  sha256: string | null;
  growth: Growth;
  /** It was taken for complete. */
  isSettled: boolean;
  hashedBytes: number;
  verified: string | null;
  isCorrupt: boolean;
  detected: ImageDescription;
  /** How often hashing this version failed in a row, and when it is tried again. */
  failures: number;
  retryAtMs: number;
}

export function toImage(path: string, entry: Entry): Image {
  const { version, sha256, hashedBytes, isCorrupt, verified, detected, isSettled } = entry;
  const known = isCorrupt ? 'corrupt' : 'ready';
  return {
    path,
    sizeBytes: version.sizeBytes,
    sha256,
    state: sha256 === null ? 'hashing' : known,
    isGrowing: sha256 === null && !isSettled,
    hashedBytes: sha256 === null ? hashedBytes : version.sizeBytes,
    verifiedAt: verified,
    ...detected,
    modified: modifiedAt(version).toISOString(),
  };
}

/** Reads what tells a file's format. @throws errors of the system, and as {@link FileParser.parse} */
export async function detectFileFormat(
  parser: FileParser,
  file: string,
  sizeBytes: number,
): Promise<ImageDescription> {
  const handle = await open(file, 'r');
  try {
    const { description } = await parser.parse('describe', {
      sizeBytes,
      async readAt(offset, length) {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
    });
    return description;
  } finally {
    await handle.close();
  }
}
