// SPDX-License-Identifier: Apache-2.0
import { close, constants, fdatasync, fstat, open, read, write } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { removeFile } from '@local-datastore/shared/files/remove-file';
import type { BlockWriter } from './content-sink.ts';

/** What O_DIRECT asks of positions, lengths and memory on every common disk. */
const DIRECT_BLOCK_BYTES = 4096;

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);
const syncFileData = promisify(fdatasync);

/** A file that is written front to back, past the page cache where the file system allows it. */
export interface BlockFile extends BlockWriter {
  /** Bytes written are on the disk when this returns. */
  sync(): Promise<void>;
  /** Whether its path still leads to this file, and not to one that somebody else has made there. */
  isInPlace(): Promise<boolean>;
  close(): Promise<void>;
}

/** How a file is opened where it is, and when it was emptied. */
interface Opening {
  /** Of one that was made just now nobody else can have anything open. */
  atFirst(path: string): Promise<{ readonly fd: number; readonly isMade: boolean }>;
  anew(path: string): Promise<number>;
}

const OPENED = constants.O_RDWR | constants.O_NOFOLLOW;
const MADE = OPENED | constants.O_CREAT;

const BY_ITSELF: Opening = {
  async atFirst(path) {
    try {
      return { fd: await openFile(path, MADE | constants.O_EXCL, 0o666), isMade: true };
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
      return { fd: await openFile(path, MADE, 0o666), isMade: false };
    }
  },
  async anew(path) {
    // A new file: another download to the same target that the lock cannot see, as from another network namespace or
    // another host, may still be writing to the old one.
    await removeFile(path);
    return await openFile(path, MADE | constants.O_EXCL, 0o666);
  },
};

const openLent = (path: string) => openFile(path, OPENED);
const openLentAtFirst = async (path: string) => ({ fd: await openLent(path), isMade: false });
/** For whoever may not make files: the one that they belong to has put them there, a new one before it is emptied. */
export const BY_ITS_OWNER: Opening = { atFirst: openLentAtFirst, anew: openLent };

/**
 * Opens or makes a file for writing; what it holds stays.
 *
 * A large download through the page cache is written twice, evicts what applications use, and stalls at the
 * final sync. With O_DIRECT the disk works while the network does. Only a tail shorter than a block, and file
 * systems without it (tmpfs, overlay over some), go through the cache.
 *
 * @param opening default: it is made here where it is missing, and when it is emptied
 * @throws the system's error: ENOENT, EACCES, ELOOP for a symbolic link …
 */
export async function openBlockFile(path: string, opening: Opening = BY_ITSELF): Promise<BlockFile> {
  const openDirect = () =>
    openFile(path, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_DIRECT).catch(() => null);
  const opened = await opening.atFirst(path);
  let cached = opened.fd;
  let direct = await openDirect();
  /** Nothing was written since it was made, and it was not emptied either: whoever has it filled elsewhere begins so. */
  let isUntouched = opened.isMade;

  async function isInPlace(): Promise<boolean> {
    const [ours, there] = await Promise.all([statFile(cached), lstat(path).catch(() => null)]);
    return there !== null && ours.ino === there.ino && ours.dev === there.dev;
  }

  async function closeDirect(): Promise<void> {
    if (direct === null) return;
    const file = direct;
    direct = null;
    await closeFile(file);
  }

  async function writeThrough(file: number, bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += await new Promise<number>((resolve, reject) => {
        write(file, bytes, done, bytes.length - done, position + done, (error, byteCount) => {
          if (error) reject(error);
          else resolve(byteCount);
        });
      });
    }
  }

  return {
    blockBytes: DIRECT_BLOCK_BYTES,
    async write(bytes, position) {
      isUntouched = false;
      let directBytes = direct === null ? 0 : bytes.length - (bytes.length % DIRECT_BLOCK_BYTES);
      if (direct !== null && directBytes > 0) {
        try {
          await writeThrough(direct, bytes.subarray(0, directBytes), position);
        } catch (error) {
          // Some file systems take the flag and refuse the write.
          if (systemErrorCode(error) !== 'EINVAL') throw error;
          await closeDirect();
          directBytes = 0;
        }
      }
      await writeThrough(cached, bytes.subarray(directBytes), position + directBytes);
    },
    async read(bytes, position) {
      // The file system's own reader needs no alignment; the bytes go through memory that is not shared.
      const buffer = Buffer.alloc(bytes.length);
      const byteCount = await new Promise<number>((resolve, reject) => {
        read(cached, buffer, 0, buffer.length, position, (error, count) =>
          error ? reject(error) : resolve(count),
        );
      });
      bytes.set(buffer.subarray(0, byteCount));
    },
    async truncate() {
      const isEmptyAndOurs = isUntouched && (await isInPlace());
      isUntouched = false;
      if (isEmptyAndOurs) return;
      await closeDirect();
      const emptied = await opening.anew(path);
      await closeFile(cached);
      cached = emptied;
      direct = await openDirect();
    },
    sync: () => syncFileData(cached),
    isInPlace,
    async close() {
      await closeDirect();
      await closeFile(cached);
    },
  };
}
