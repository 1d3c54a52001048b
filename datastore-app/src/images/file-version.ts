import type { BigIntStats } from 'node:fs';

/**
 * What tells one content of a file from another without reading it. Not ctime: a rename or an unlink changes
 * that and leaves the content alone.
 */
export interface FileVersion {
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly inode: bigint;
}

/** The largest time value of ECMAScript, in ms on either side of 1970. */
const MAX_TIME_MS = 8_640_000_000_000_000n;

export function versionOf(stat: BigIntStats): FileVersion {
  return { sizeBytes: Number(stat.size), mtimeNs: stat.mtimeNs, inode: stat.ino };
}

export function isSameVersion(left: FileVersion, right: FileVersion): boolean {
  return left.mtimeNs === right.mtimeNs && left.sizeBytes === right.sizeBytes && left.inode === right.inode;
}

/** When the content last changed, to the millisecond; a time beyond what a Date can say is cut to the limit. */
export function modifiedAt({ mtimeNs }: FileVersion): Date {
  const ms = mtimeNs / 1_000_000n;
  return new Date(Number(ms > MAX_TIME_MS ? MAX_TIME_MS : ms < -MAX_TIME_MS ? -MAX_TIME_MS : ms));
}
