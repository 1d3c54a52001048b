// SPDX-License-Identifier: Apache-2.0
/** Reads what comes in one go, from the beginning to the end. */
export interface ForwardReader {
  /**
   * What stands at a position that has not been passed yet; what lies before it is passed over.
   *
   * @returns fewer bytes at the end
   * @throws whatever the content throws
   */
  readAt(offset: number, length: number): Promise<Buffer>;
  /**
   * As {@link readAt}, but nothing is passed over, and all that stands before it is kept: it can be read again.
   *
   * @throws Error where it has been passed meanwhile
   */
  peekAt(offset: number, length: number): Promise<Buffer>;
  /** As {@link readAt}, piece by piece. @throws what `cutOff` makes where the end comes before */
  content(offset: number, sizeBytes: number): AsyncGenerator<Uint8Array>;
  /** Passes over what is left. @returns how much that was; undefined: more than `maxBytes` */
  drain(maxBytes: number): Promise<number | undefined>;
  /** Nobody reads on. */
  close(): Promise<void>;
}

/** @param cutOff makes the error of content that ends too early */
export function createForwardReader(content: AsyncIterable<Uint8Array>, cutOff: () => Error): ForwardReader {
  const iterator = content[Symbol.asyncIterator]();
  let piece: Buffer = Buffer.alloc(0);
  let position = 0;
  let isEnded = false;

  /** Several may wait for it at once: what comes is put behind what there is. */
  async function readMore(): Promise<void> {
    const next = await iterator.next();
    if (next.done) {
      isEnded = true;
      return;
    }
    const more = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
    piece = piece.length === 0 ? more : Buffer.concat([piece, more]);
  }

  /** @returns undefined at the end */
  async function take(maxBytes: number): Promise<Buffer | undefined> {
    while (piece.length === 0 && !isEnded) await readMore();
    if (piece.length === 0) return undefined;
    const taken = piece.subarray(0, maxBytes);
    piece = piece.subarray(taken.length);
    position += taken.length;
    return taken;
  }

  async function passTo(offset: number): Promise<void> {
    if (offset < position) throw new Error(`${offset} has been passed: ${position} is next`);
    while (position < offset && (await take(offset - position)) !== undefined);
  }

  return {
    async readAt(offset, length) {
      await passTo(offset);
      const parts: Buffer[] = [];
      for (let missing = length; missing > 0; ) {
        const part = await take(missing);
        if (part === undefined) break;
        parts.push(part);
        missing -= part.length;
      }
      return Buffer.concat(parts);
    },

    async peekAt(offset, length) {
      while (position + piece.length < offset + length && !isEnded) await readMore();
      if (offset < position) throw new Error(`${offset} has been passed: ${position} is next`);
      return piece.subarray(offset - position, offset - position + length);
    },

    async *content(offset, sizeBytes) {
      await passTo(offset);
      for (let missing = sizeBytes; missing > 0; ) {
        const part = await take(missing);
        if (part === undefined) throw cutOff();
        missing -= part.length;
        yield part;
      }
    },

    async drain(maxBytes) {
      const from = position;
      while (position - from <= maxBytes) {
        if ((await take(Number.MAX_SAFE_INTEGER)) === undefined) return position - from;
      }
      return undefined;
    },

    async close() {
      await iterator.return?.();
    },
  };
}
