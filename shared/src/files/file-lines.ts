// SPDX-License-Identifier: Apache-2.0
import type { FileHandle } from 'node:fs/promises';

export interface FileLine {
  /** Without its line break; of one that is too long, its beginning. */
  readonly text: string;
  /** Where it ends in the file, its line break included. */
  readonly end: number;
  /** False for what stands at the end of the file without a line break. */
  readonly isWhole: boolean;
}

const CHUNK_BYTES = 64 * 1024;
const LINE_BREAK = 0x0a;

/**
 * The lines of a file from a place on, one after another: holds one chunk and one line, however long the file is.
 *
 * @param maxBytes of a line; of a longer one the rest is passed over
 */
export async function* readLines(
  handle: FileHandle,
  from: number,
  maxBytes: number,
): AsyncGenerator<FileLine> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let text = '';
  let position = from;
  let lineStart = from;
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    const read = chunk.subarray(0, bytesRead);
    let start = 0;
    for (let at = read.indexOf(LINE_BREAK); at >= 0; at = read.indexOf(LINE_BREAK, start)) {
      text += read.toString('latin1', start, Math.min(at, start + maxBytes - text.length));
      start = at + 1;
      lineStart = position + start;
      yield { text, end: lineStart, isWhole: true };
      text = '';
    }
    text += read.toString('latin1', start, Math.min(bytesRead, start + maxBytes - text.length));
    position += bytesRead;
  }
  if (position > lineStart) yield { text, end: position, isWhole: false };
}
