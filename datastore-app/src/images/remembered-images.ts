// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { statfsSync, statSync } from 'node:fs';
import { type FileVersion, isSameVersion, versionOf } from '../content/file-version.ts';
import type { OpenImage } from './open-image.ts';

/** A small image in memory: bytes that have the digest, of the version that the digest is known of. */
export interface RememberedImage {
  /** As {@link OpenImage.path}. */
  readonly path: string;
  readonly version: FileVersion;
  readonly sha256: string;
  readonly bytes: Buffer;
}

/** Spares small images that are asked for again and again the way to their file and back. */
export interface RememberedImages {
  /**
   * The image at a path, where the file system says at this moment that the same version of it stands there.
   *
   * @returns undefined: it has to be opened and read
   */
  find(path: string): RememberedImage | undefined;
  /**
   * Hears of an image that was read whole, and is open still: it is remembered when it is read a second time, and
   * what was read is surely what its version will name for ever.
   *
   * @param path that was asked for
   * @param bytes of it; copied
   */
  noteRead(path: string, image: OpenImage, sha256: string, bytes: Uint8Array): void;
}

export interface RememberedImagesDeps {
  /** Of the clock that gives files their times, in milliseconds. */
  readonly now?: () => number;
  /** In milliseconds, of a clock that only goes forward. */
  readonly elapsed?: () => number;
  /** statfs(2): the number of the type of the file system on which an open file stands. */
  readonly typeOf?: (fd: number) => number;
}

/** Larger ones take longer to be sent than to be read, and to be hashed than others should wait. */
export const MAX_REMEMBERED_BYTES = 64 * 1024;
const MAX_BYTES = 4 * 1024 * 1024;
/** What one counts for at least, as what is noted of it takes room too. */
const LEAST_BYTES = 4 * 1024;
/** Of images that were read once it is known that they were. */
const MAX_NOTED = 1000;
/** Where there is no room, those that nobody asked for in so long a time make some. */
const UNUSED_MS = 10_000;

/**
 * So long a file must have been left alone. A program that has mapped a file moves its change time when it first
 * writes to a page, and again only once the kernel has written that page to the disk: 35 s later at most, unless it
 * is told otherwise (vm.dirty_expire_centisecs and vm.dirty_writeback_centisecs). Old kernels also give changes
 * within the same 10 ms the same time.
 */
const SETTLED_MS = 60_000;

/**
 * Numbers of the file systems whose change times tell of every change, from statfs(2) and Linux's magic.h. Those of
 * vfat and exFAT are lost when nobody looks; a mapped file changes on tmpfs without moving its times, on ZFS with
 * some delay; and of network shares and those in user space stat(2) tells what was so a while ago.
 */
const TELLING_BY_TIMES = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // btrfs
  0xf2f52010, // F2FS
  0x794c7630, // overlay
  0x9660, // ISO 9660
  0x73717368, // SquashFS
  0xe0f5e1e2, // EROFS
]);

interface Remembered extends RememberedImage {
  isUsed: boolean;
}

/** A version that was read. */
interface Noted {
  readonly version: FileVersion;
  /** It cannot be remembered. */
  isRefused: boolean;
}

const takes = ({ length }: Uint8Array) => Math.max(length, LEAST_BYTES);

/**
 * Answers of a server must be of one version, and of the one that stands there when they begin. What is remembered has
 * been proven against its digest; and that it is still what stands at its path is asked of the file system each time:
 * whatever is renamed, linked, written to, cut, touched or replaced has another inode or change time, which nobody can
 * set. As the inode is the one that was judged when it was opened, it does not matter on what way the path leads there.
 *
 * @param root without symbolic links
 */
export function createRememberedImages(
  {
    now = Date.now,
    elapsed = () => performance.now(),
    typeOf = (fd) => statfsSync(`/proc/self/fd/${fd}`).type,
  }: RememberedImagesDeps,
  root: string,
): RememberedImages {
  const prefix = root.endsWith('/') ? root : `${root}/`;
  const byPath = new Map<string, Remembered>();
  const noted = new Map<string, Noted>();
  let totalBytes = 0;
  let madeRoomMs = Number.NEGATIVE_INFINITY;

  function forget(path: string): void {
    const image = byPath.get(path);
    if (image === undefined) return;
    byPath.delete(path);
    totalBytes -= takes(image.bytes);
  }

  /** What was noted of a version before; undefined: nothing, and it is noted now. */
  function note(path: string, version: FileVersion): Noted | undefined {
    const before = noted.get(path);
    if (before !== undefined && isSameVersion(before.version, version)) return before;
    const [oldest] = noted.keys();
    if (before === undefined && noted.size >= MAX_NOTED && oldest !== undefined) noted.delete(oldest);
    noted.set(path, { version, isRefused: false });
    return undefined;
  }

  function isRoomFor(bytes: Uint8Array): boolean {
    const isFull = () => totalBytes + takes(bytes) > MAX_BYTES;
    if (isFull() && elapsed() - madeRoomMs >= UNUSED_MS) {
      madeRoomMs = elapsed();
      for (const [path, other] of byPath) {
        if (!other.isUsed) forget(path);
        other.isUsed = false;
      }
    }
    return !isFull();
  }

  function isTellingByTimes(fd: number): boolean {
    try {
      return TELLING_BY_TIMES.has(typeOf(fd));
    } catch {
      return false;
    }
  }

  function versionAt(path: string): FileVersion | undefined {
    try {
      const stat = statSync(prefix + path, { bigint: true, throwIfNoEntry: false });
      return stat && versionOf(stat);
    } catch {
      // Whoever opens it will hear why.
      return undefined;
    }
  }

  function isSettled({ ctimeNs }: FileVersion): boolean {
    return now() - Number(ctimeNs / 1_000_000n) >= SETTLED_MS;
  }

  return {
    find(path) {
      const image = byPath.get(path);
      if (image === undefined) return undefined;
      const version = versionAt(path);
      if (version === undefined || !isSameVersion(version, image.version)) {
        forget(path);
        return undefined;
      }
      image.isUsed = true;
      return image;
    },

    noteRead(path, { fd, path: realPath, version }, sha256, bytes) {
      if (bytes.length > MAX_REMEMBERED_BYTES) return;
      const before = note(path, version);
      if (before === undefined || before.isRefused || !isSettled(version)) return;
      forget(path);
      if (!isRoomFor(bytes)) return;
      if (!isTellingByTimes(fd) || createHash('sha256').update(bytes).digest('hex') !== sha256) {
        before.isRefused = true;
        return;
      }
      byPath.set(path, { path: realPath, version, sha256, bytes: Buffer.from(bytes), isUsed: true });
      totalBytes += takes(bytes);
    },
  };
}
