// SPDX-License-Identifier: Apache-2.0
import { createBufferPool } from './buffer-pool.ts';

/**
 * Chunk size decides how fast a large file is served: what was read should still be in the processor's cache
 * when it is sent. 1 MiB takes a quarter more of the processor, 256 KiB half as much again. 18 MiB of memory
 * serve twelve clients at full speed.
 */
const POOLED_BYTES = 768 * 1024;
const MAX_POOLED = 24;

/** Chunks of a transfer that got no pooled buffers; a stream holds two of them while nobody reads. */
export const PLAIN_CHUNK_BYTES = 64 * 1024;
const MAX_PLAIN = 256;
/** One client has an eighth of those. */
const MAX_PLAIN_OF_CLIENT = 32;
/** Of the many others: so that they cost little, however many connections there are. */
const SMALL_CHUNK_BYTES = 8 * 1024;

/** What a transfer may keep of its file in memory, until it has ended. */
export interface MemoryShare {
  /** To be filled in turn; undefined: there is none, and memory of the stream's own is used. */
  readonly pair: readonly [Buffer, Buffer] | undefined;
  /** How much of such memory at a time. */
  readonly chunkBytes: number;
  /** Once. */
  giveBack(): void;
}

/** The memory of all transfers: what clients ask for and do not read stays within it. */
export interface TransferMemory {
  /** @param client who asks, from clientNetwork */
  take(client: string, sizeBytes: number): MemoryShare;
}

export function createTransferMemory(): TransferMemory {
  const pool = createBufferPool({ bufferBytes: POOLED_BYTES, maxBuffers: MAX_POOLED });
  const plain = new Map<string, number>();
  let plainCount = 0;

  return {
    take(client, sizeBytes) {
      const pair = sizeBytes > PLAIN_CHUNK_BYTES ? pool.takePair(client) : undefined;
      if (pair !== undefined) {
        const giveBack = () => {
          for (const buffer of pair) pool.giveBack(client, buffer);
        };
        return { pair, chunkBytes: PLAIN_CHUNK_BYTES, giveBack };
      }
      const has = plain.get(client) ?? 0;
      if (plainCount >= MAX_PLAIN || has >= MAX_PLAIN_OF_CLIENT) {
        return { pair, chunkBytes: SMALL_CHUNK_BYTES, giveBack: () => {} };
      }
      plainCount += 1;
      plain.set(client, has + 1);
      return {
        pair,
        chunkBytes: PLAIN_CHUNK_BYTES,
        giveBack() {
          plainCount -= 1;
          const left = (plain.get(client) ?? 1) - 1;
          if (left > 0) plain.set(client, left);
          else plain.delete(client);
        },
      };
    },
  };
}
