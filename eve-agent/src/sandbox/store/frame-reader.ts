// SPDX-License-Identifier: Apache-2.0
import { MAX_MESSAGE_BYTES } from './segment-reader.ts';
import { StoreError } from './store-error.ts';

/** The length in bytes of the message that follows: UInt32, little endian. */
const LENGTH_BYTES = 4;

/** Messages out of a stream that parts them anywhere. */
export interface FrameReader {
  push(chunk: Uint8Array): void;
  /**
   * @returns the next whole message, a view of what was pushed; null until there is one
   * @throws StoreError MALFORMED for a length that no message has
   */
  next(): Uint8Array | null;
  /** Bytes that are held: those of a message that is not whole, and of whole ones that were not taken. */
  readonly heldBytes: number;
}

/** Holds no more than was pushed, whatever length a message claims. */
export function createFrameReader(): FrameReader {
  let buffer: Buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  /** Else it is what was pushed, which is another's. */
  let isOurs = false;

  /** Makes place behind what is held. What was handed out stays as it is: nothing is moved within a buffer. */
  function reserve(bytes: number): void {
    if (isOurs && end + bytes <= buffer.length) return;
    const held = end - start;
    // Twice as much as is there: messages that come byte by byte are not copied each time.
    const grown = Buffer.allocUnsafe(2 * (held + bytes));
    buffer.copy(grown, 0, start, end);
    [buffer, start, end, isOurs] = [grown, 0, held, true];
  }

  return {
    push(chunk) {
      if (start === end) {
        buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        [start, end, isOurs] = [0, buffer.length, false];
        return;
      }
      reserve(chunk.length);
      buffer.set(chunk, end);
      end += chunk.length;
    },
    next() {
      if (end - start < LENGTH_BYTES) return null;
      const length = buffer.readUInt32LE(start);
      if (length === 0 || length > MAX_MESSAGE_BYTES) {
        throw new StoreError('MALFORMED', `a message that claims ${length} bytes`);
      }
      if (end - start < LENGTH_BYTES + length) return null;
      const message = buffer.subarray(start + LENGTH_BYTES, start + LENGTH_BYTES + length);
      start += LENGTH_BYTES + length;
      return message;
    },
    get heldBytes() {
      return end - start;
    },
  };
}

/** A message as it goes over the stream. */
export function frameOf(message: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  frame.writeUInt32LE(message.length);
  frame.set(message, LENGTH_BYTES);
  return frame;
}
