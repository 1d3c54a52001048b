// SPDX-License-Identifier: Apache-2.0
import type { BigIntStats } from 'node:fs';

/**
 * What tells one content of a file from another without reading it. The change time belongs to it: size and
 * modification time can be those of another file (builds that give equal times, `cp -p`, `touch -r`), and ext4
 * gives the inode of a removed file to the next one, but nobody can set a change time. That a new name, owner
 * or mode moves it as well costs one more reading of the file.
 */
export interface FileVersion {
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  /** Of the file system, as long as it is mounted. */
  readonly device: bigint;
}

/** What moves the change time of a file and leaves its content alone. */
export interface FileStanding {
  readonly nameCount: bigint;
  readonly mode: bigint;
  readonly userId: bigint;
  readonly groupId: bigint;
}

/** The largest time value of ECMAScript, in ms on either side of 1970. */
const MAX_TIME_MS = 8_640_000_000_000_000n;

export function versionOf(stat: BigIntStats): FileVersion {
  const { mtimeNs, ctimeNs, ino: inode, dev: device } = stat;
  return { sizeBytes: Number(stat.size), mtimeNs, ctimeNs, inode, device };
}

export function standingOf({ nlink, mode, uid, gid }: BigIntStats): FileStanding {
  return { nameCount: nlink, mode, userId: uid, groupId: gid };
}

/** Whether two versions differ at most in the change time: enough only where it is known what moved that. */
export function isSameButChangeTime(left: FileVersion, right: FileVersion): boolean {
  return (
    left.mtimeNs === right.mtimeNs &&
    left.sizeBytes === right.sizeBytes &&
    left.inode === right.inode &&
    left.device === right.device
  );
}

export function isSameVersion(left: FileVersion, right: FileVersion): boolean {
  return left.ctimeNs === right.ctimeNs && isSameButChangeTime(left, right);
}

/** Whether names, owner or mode differ: what a change time that moved can come of. */
export function isSameStanding(left: FileStanding, right: FileStanding): boolean {
  return (
    left.nameCount === right.nameCount &&
    left.mode === right.mode &&
    left.userId === right.userId &&
    left.groupId === right.groupId
  );
}

/** When the content last changed, to the millisecond; a time beyond what a Date can say is cut to the limit. */
export function modifiedAt({ mtimeNs }: FileVersion): Date {
  const ms = mtimeNs / 1_000_000n;
  return new Date(Number(ms > MAX_TIME_MS ? MAX_TIME_MS : ms < -MAX_TIME_MS ? -MAX_TIME_MS : ms));
}
