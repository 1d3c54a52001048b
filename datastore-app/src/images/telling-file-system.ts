// SPDX-License-Identifier: Apache-2.0
import { stat, statfs } from 'node:fs/promises';

/**
 * Numbers of the file systems of which all changes go through this machine's kernel, which tells of them
 * (inotify(7)); from statfs(2) and Linux's magic.h. Of others, such as network shares and those in user space,
 * it only tells what was changed from here.
 */
const TELLING = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // btrfs
  0xf2f52010, // F2FS
  0x2fc12fc1, // ZFS
  0xca451a4e, // bcachefs
  0x3153464a, // JFS
  0x3434, // NILFS
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlay
  0x4d44, // vfat
  0x2011bab0, // exFAT
  0x7366746e, // NTFS, in the kernel
  0x9660, // ISO 9660
  0x15013346, // UDF
  0x73717368, // SquashFS
  0xe0f5e1e2, // EROFS
]);

/**
 * A function that says whether the kernel tells of all changes in a directory. It asks each file system once.
 *
 * @returns undefined where the directory is gone, or not ours to see
 */
export function createTellingSearch(): (directory: string) => Promise<boolean | undefined> {
  const known = new Map<bigint, boolean>();
  return async (directory) => {
    try {
      const { dev } = await stat(directory, { bigint: true });
      const isTelling = known.get(dev) ?? TELLING.has((await statfs(directory)).type);
      known.set(dev, isTelling);
      return isTelling;
    } catch {
      return undefined;
    }
  };
}
