// SPDX-License-Identifier: Apache-2.0
import { read, readSync } from 'node:fs';

/** As `fs.read` without its buffer. */
type ReadCallback = (error: NodeJS.ErrnoException | null, bytesRead: number) => void;

/** Reads once from a file; may read less than is asked for, as read(2). The callback is never called before it returns. */
export type ReadPiece = (
  fd: number,
  piece: Buffer,
  offset: number,
  length: number,
  position: number,
  callback: ReadCallback,
) => void;

export interface PieceReadsDeps {
  readonly readNow: (fd: number, piece: Buffer, offset: number, length: number, position: number) => number;
  readonly readInPool: ReadPiece;
  readonly nowMs: () => number;
}

/** So much may hold up the program where it is not known yet whether the disk is waited for. */
const PROBE_BYTES = 64 * 1024;
/** Longer than memory takes for a piece, also on a slow and busy processor; shorter than any disk that turns. */
const MEMORY_MS = 2;
/**
 * How many pieces are left to the pool after the disk was waited for: at first, and at most. As many from memory
 * after one another, and it begins anew.
 */
const FIRST_PAUSE = 16;
const LONGEST_PAUSE = 1024;

const ofSystem: PieceReadsDeps = { readNow: readSync, readInPool: read, nowMs: () => performance.now() };

/**
 * The reads of one transfer. What the kernel has in memory is read at once: handing a piece to a thread of the pool
 * and back costs more than its copy. What the disk is waited for is read in the pool, so that nothing else waits;
 * Node has no way to ask the kernel which it will be (preadv2's RWF_NOWAIT), so the last reads tell: one that was
 * slow leaves the next ones to the pool, twice as many each time.
 */
export function createPieceReads({ readNow, readInPool, nowMs }: PieceReadsDeps = ofSystem): ReadPiece {
  let isProven = false;
  let pause = FIRST_PAUSE;
  let left = 0;
  let fromMemory = 0;

  return (fd, piece, offset, length, position, callback) => {
    if (left > 0) {
      left -= 1;
      readInPool(fd, piece, offset, length, position, callback);
      return;
    }
    // In a later turn of the loop: a client that takes all it gets must not keep the others waiting. And only then:
    // what was read is sent while it is in the processor's cache.
    setImmediate(() => {
      const startedMs = nowMs();
      let error: NodeJS.ErrnoException | null = null;
      let bytesRead = 0;
      try {
        bytesRead = readNow(fd, piece, offset, isProven ? length : Math.min(length, PROBE_BYTES), position);
      } catch (thrown) {
        error = thrown as NodeJS.ErrnoException;
      }
      isProven = nowMs() - startedMs < MEMORY_MS;
      if (isProven) {
        fromMemory += 1;
        if (fromMemory === FIRST_PAUSE) pause = FIRST_PAUSE;
      } else {
        fromMemory = 0;
        left = pause;
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
      callback(error, bytesRead);
    });
  };
}
