/** Buffers of one size that are used again: fresh memory costs page faults and garbage collection. */
export interface BufferPool {
  readonly bufferBytes: number;
  /**
   * @param client who it is for, from clientNetwork
   * @returns buffers with any content, or undefined when too many are in use, by the client or by all
   */
  take<Count extends 1 | 2>(client: string, count: Count): BuffersOf<Count> | undefined;
  giveBack(client: string, buffers: readonly Buffer[]): void;
}

export type BuffersOf<Count extends 1 | 2> = Count extends 2 ? readonly [Buffer, Buffer] : readonly [Buffer];

/**
 * @param maxBuffers how many exist at most, in use or waiting; memory is taken when first needed. One client has at
 *   most half of them: who asks and does not read keeps those that it was given.
 */
export function createBufferPool({
  bufferBytes,
  maxBuffers,
}: {
  bufferBytes: number;
  maxBuffers: number;
}): BufferPool {
  const waiting: Buffer[] = [];
  const taken = new Map<string, number>();
  let made = 0;
  return {
    bufferBytes,
    take(client, count) {
      const has = taken.get(client) ?? 0;
      if (has + count > maxBuffers / 2 || waiting.length + maxBuffers - made < count) return undefined;
      taken.set(client, has + count);
      const buffers = Array.from({ length: count }, () => {
        const buffer = waiting.pop();
        if (buffer !== undefined) return buffer;
        made += 1;
        return Buffer.allocUnsafeSlow(bufferBytes);
      });
      return buffers as unknown as BuffersOf<typeof count>;
    },
    giveBack(client, buffers) {
      waiting.push(...buffers);
      const left = (taken.get(client) ?? 0) - buffers.length;
      if (left > 0) taken.set(client, left);
      else taken.delete(client);
    },
  };
}
