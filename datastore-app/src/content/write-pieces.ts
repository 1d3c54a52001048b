// SPDX-License-Identifier: Apache-2.0
import { collectYoung } from './collect.ts';

/** Pieces of the network are collected to writes of this size. */
const WRITE_BYTES = 1024 * 1024;
/** Where little is expected, and more comes after all. */
const LEAST_BYTES = 4 * 1024;
/** So much arrives between two collections of its buffers. */
const COLLECT_BYTES = 4 * WRITE_BYTES;

/** What is written to: an open file, or who stands before one. */
export interface PieceWriter {
  write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
}

/**
 * Writes pieces to a file at a position, in large writes; what came before an error is written too. The pieces
 * are copied to one buffer, so that they die young. An empty piece has what was collected written at once.
 *
 * @param beforeWrite hears how many bytes are to be written next, and may refuse
 * @param expectedBytes how many are about to come, where that is known: a buffer of a mebibyte for each small file
 *   has V8 look through its whole heap, which grows with the number of images, every few dozen of them
 * @returns how many bytes were written
 */
export async function writePieces(
  handle: PieceWriter,
  position: number,
  content: AsyncIterable<Uint8Array>,
  beforeWrite: (bytes: number) => Promise<void>,
  expectedBytes = WRITE_BYTES,
): Promise<number> {
  const bufferBytes = Math.min(Math.max(expectedBytes, LEAST_BYTES), WRITE_BYTES);
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  let filled = 0;
  let writtenBytes = 0;

  async function flush(): Promise<void> {
    const wantedBytes = filled;
    filled = 0;
    if (wantedBytes === 0) return;
    await beforeWrite(wantedBytes);
    // A volume that is full takes a part without an error; the attempt to write the rest brings it.
    for (let offset = 0; offset < wantedBytes; ) {
      const { bytesWritten } = await handle.write(
        buffer,
        offset,
        wantedBytes - offset,
        position + writtenBytes,
      );
      offset += bytesWritten;
      writtenBytes += bytesWritten;
    }
    if (writtenBytes % COLLECT_BYTES === 0) collectYoung();
  }

  try {
    for await (const piece of content) {
      if (piece.length === 0) await flush();
      for (let offset = 0; offset < piece.length; ) {
        const count = Math.min(piece.length - offset, bufferBytes - filled);
        buffer.set(piece.subarray(offset, offset + count), filled);
        filled += count;
        offset += count;
        if (filled === bufferBytes) await flush();
      }
    }
  } catch (error) {
    await flush().catch(() => {});
    throw error;
  }
  await flush();
  return writtenBytes;
}
