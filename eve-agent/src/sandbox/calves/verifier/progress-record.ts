// SPDX-License-Identifier: Apache-2.0
import { writeSync } from 'node:fs';
import { systemErrorCode } from '@local-datastore/shared/errors';

/** How far a file has come, as it goes through a pipe: 16 bytes, the number of the file and how many of its bytes. */
export const PROGRESS_BYTES = 16;
const HALF = PROGRESS_BYTES / 2;

export function encodeProgress(id: string, bytes: number): Buffer {
  const record = Buffer.alloc(PROGRESS_BYTES);
  record.writeBigUInt64LE(BigInt(id));
  record.writeBigUInt64LE(BigInt(bytes), HALF);
  return record;
}

/** Writes a record to a pipe that does not block. One that is full has enough to tell. */
export function writeProgress(fd: number, id: string, bytes: number): void {
  try {
    writeSync(fd, encodeProgress(id, bytes));
  } catch (error) {
    if (systemErrorCode(error) !== 'EAGAIN') throw error;
  }
}

/**
 * Reads records as they come, in any pieces: of each file the last one of a piece.
 *
 * @param onProgress whatever the one who writes says; what is no number of bytes of a file is left out
 * @returns takes the next piece
 */
export function createProgressReader(
  onProgress: (id: string, bytes: number) => void,
): (piece: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (piece) => {
    const all = Buffer.concat([rest, piece]);
    const newest = new Map<bigint, number>();
    let at = 0;
    for (; at + PROGRESS_BYTES <= all.length; at += PROGRESS_BYTES) {
      const bytes = Number(all.readBigUInt64LE(at + HALF));
      if (Number.isSafeInteger(bytes)) newest.set(all.readBigUInt64LE(at), bytes);
    }
    rest = Buffer.from(all.subarray(at));
    for (const [id, bytes] of newest) onProgress(String(id), bytes);
  };
}
