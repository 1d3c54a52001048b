import { open } from 'node:fs/promises';
import { type FileVersion, isSameVersion, modifiedAt } from './file-version.ts';
import { describeImage, type ImageDescription } from './formats.ts';

/** An image as it is listed. */
export interface Image {
  /** Relative to the root, and its URL path without the first slash. */
  readonly path: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits; null until it is hashed. */
  readonly sha256: string | null;
  /** `corrupt`: read again, it was not what it had been; it is not served until it is replaced. */
  readonly state: 'hashing' | 'ready' | 'corrupt';
  /** How far hashing is. */
  readonly hashedBytes: number;
  /** ISO 8601: when its content was last read and compared; null: not yet. */
  readonly verifiedAt: string | null;
  readonly format: ImageDescription['format'];
  readonly virtualSizeBytes: number | null;
  /** ISO 8601. */
  readonly modified: string;
}

/** What the catalogue knows of an image. */
export interface Entry {
  version: FileVersion;
  sha256: string | null;
  hashedBytes: number;
  verified: string | null;
  isCorrupt: boolean;
  detected: ImageDescription;
  /** How often hashing this version failed in a row, and when it is tried again. */
  failures: number;
  retryAtMs: number;
}

/** A file that was written to this recently may not be complete. */
const SETTLE_MS = 2000;

export function toImage(path: string, entry: Entry): Image {
  const { version, sha256, hashedBytes, isCorrupt, verified, detected } = entry;
  const known = isCorrupt ? 'corrupt' : 'ready';
  return {
    path,
    sizeBytes: version.sizeBytes,
    sha256,
    state: sha256 === null ? 'hashing' : known,
    hashedBytes: sha256 === null ? hashedBytes : version.sizeBytes,
    verifiedAt: verified,
    ...detected,
    modified: modifiedAt(version).toISOString(),
  };
}

/** Reads what tells a file's format. */
export async function detectFileFormat(file: string, sizeBytes: number): Promise<ImageDescription> {
  const handle = await open(file, 'r');
  try {
    return await describeImage(async (offset, length) => {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    }, sizeBytes);
  } finally {
    await handle.close();
  }
}

/** Whether a file is left alone long enough to be complete, or carries a time that was set (`cp -p`, `tar`). */
export function isSettled(version: FileVersion, previous: FileVersion | undefined, nowMs: number): boolean {
  if (previous === undefined || !isSameVersion(version, previous)) return false;
  return Math.abs(nowMs - modifiedAt(version).getTime()) >= SETTLE_MS;
}
