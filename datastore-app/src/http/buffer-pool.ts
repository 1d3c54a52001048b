// SPDX-License-Identifier: Apache-2.0
/** Buffers of one size that are used again: fresh memory costs page faults and garbage collection. */
export interface BufferPool {
  readonly bufferBytes: number;
  /**
   * @param client who it is for, from clientNetwork
   * @returns a buffer with any content, or undefined when too many are in use, by the client or by all
   */
  take(client: string): Buffer | undefined;
  /** Two of them, or none. */
  takePair(client: string): readonly [Buffer, Buffer] | undefined;
  giveBack(client: string, buffer: Buffer): void;
}

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

  function take(client: string): Buffer | undefined {
    const has = taken.get(client) ?? 0;
    if (has >= maxBuffers / 2) return undefined;
    let buffer = waiting.pop();
    if (buffer === undefined) {
      if (made >= maxBuffers) return undefined;
      made += 1;
      buffer = Buffer.allocUnsafeSlow(bufferBytes);
    }
    taken.set(client, has + 1);
    return buffer;
  }

  function giveBack(client: string, buffer: Buffer): void {
    waiting.push(buffer);
    const left = (taken.get(client) ?? 0) - 1;
    if (left > 0) taken.set(client, left);
    else taken.delete(client);
  }

  return {
    bufferBytes,
    take,
    takePair(client) {
      const first = take(client);
      if (first === undefined) return undefined;
      const second = take(client);
      if (second !== undefined) return [first, second];
      giveBack(client, first);
      return undefined;
    },
    giveBack,
  };
}
