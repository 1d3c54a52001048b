// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { type ByteSource, createSourceReader } from '../content/byte-source.ts';
import type { MemoryShare } from './transfer-memory.ts';

/** First and last byte of an answer. */
export interface Extent {
  readonly start: number;
  /** Less than `start` for no bytes. */
  readonly end: number;
}

/**
 * Sends some bytes of a source as the body of a response, and ends it. Two buffers take turns: one is filled while
 * the other goes out, and filled again only when nothing of it is left to be sent. The source is closed, and the
 * memory given back, once the response is closed and no read is on its way.
 *
 * @param onFailure hears of SourceChangedError or of an error of the system, once; the response is then its own to end
 */
export function sendPieces(
  response: ServerResponse,
  source: ByteSource,
  { start, end }: Extent,
  memory: MemoryShare,
  onFailure: (error: Error) => void,
): void {
  const reader = createSourceReader(source);
  let buffers = memory.pair;
  let position = start;
  let pieces = 0;
  let isReading = false;
  let isSending = false;
  let isClosed = false;
  let filled: Buffer | undefined;

  function release(): void {
    source.close();
    memory.giveBack();
  }

  function send(): void {
    if (filled === undefined || isSending || isClosed) return;
    const piece = filled;
    filled = undefined;
    if (position > end) {
      response.end(piece);
      return;
    }
    isSending = true;
    response.write(piece, () => {
      isSending = false;
      send();
    });
    fillNext();
  }

  function fillNext(): void {
    buffers ??= [Buffer.allocUnsafeSlow(memory.chunkBytes), Buffer.allocUnsafeSlow(memory.chunkBytes)];
    const piece = buffers[pieces % 2 === 0 ? 0 : 1].subarray(0, end - position + 1);
    pieces += 1;
    isReading = true;
    reader.fill(piece, position, (error) => {
      isReading = false;
      if (isClosed) {
        release();
        return;
      }
      if (error !== null) {
        onFailure(error);
        return;
      }
      position += piece.length;
      filled = piece;
      send();
    });
  }

  response.once('close', () => {
    isClosed = true;
    source.abandon();
    if (!isReading) release();
  });
  fillNext();
}
