/** Buffers of one size that are used again: fresh memory costs page faults and garbage collection. */
export interface BufferPool {
  readonly bufferBytes: number;
  /** A buffer with any content, or undefined when all are in use. */
  take(): Buffer | undefined;
  giveBack(buffer: Buffer): void;
}

/** @param maxBuffers how many exist at most, in use or waiting; memory is taken when first needed */
export function createBufferPool({
  bufferBytes,
  maxBuffers,
}: {
  bufferBytes: number;
  maxBuffers: number;
}): BufferPool {
  const waiting: Buffer[] = [];
  let made = 0;
  return {
    bufferBytes,
    take() {
      const buffer = waiting.pop();
      if (buffer !== undefined || made >= maxBuffers) return buffer;
      made += 1;
      return Buffer.allocUnsafeSlow(bufferBytes);
    },
    giveBack(buffer) {
      waiting.push(buffer);
    },
  };
}
