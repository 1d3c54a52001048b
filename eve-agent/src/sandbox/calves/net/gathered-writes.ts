// SPDX-License-Identifier: Apache-2.0
import type { Writable } from 'node:stream';

export interface GatheredWritesOptions {
  /** Of one piece of memory, and of the largest write. */
  readonly slotBytes: number;
  /** More than these are not waiting to be written, unless the sender does not pause. */
  readonly slots: number;
  /** Calls back once what comes now has come: what was gathered until then is written together. */
  readonly later: (callback: () => void) => void;
  /** There is room for more. */
  readonly onSpace: () => void;
}

/** Memory that bytes are put into one behind the other, and is used again once all of it has been written. */
interface Slot {
  readonly memory: Buffer;
  filledBytes: number;
  sentBytes: number;
  pendingWrites: number;
}

/**
 * Gathers bytes that come in small pieces, as TLS and chunks do, and writes them to a stream in few large ones: each
 * write wakes the process at the other end.
 */
export interface GatheredWrites {
  /** The memory that the next bytes may be put into before `take`; undefined while there is none. */
  region(): Uint8Array | undefined;
  /**
   * Takes bytes in: in place when they are a view of `region`, by copy otherwise.
   *
   * @returns false when the sender must pause until `onSpace`
   */
  take(bytes: Buffer): boolean;
  /** Writes what was gathered so far. */
  flush(): void;
}

export function createGatheredWrites(
  stream: Pick<Writable, 'write'>,
  { slotBytes, slots, later, onSpace }: GatheredWritesOptions,
): GatheredWrites {
  const free: Slot[] = [];
  for (let i = 0; i < slots; i += 1) {
    free.push({
      memory: Buffer.allocUnsafeSlow(slotBytes),
      ...{ filledBytes: 0, sentBytes: 0, pendingWrites: 0 },
    });
  }
  let current: Slot | undefined;
  /** Of what came though there was no room. */
  let excessWrites = 0;
  let isAwaited = false;

  const slot = (): Slot | undefined => {
    current ??= free.pop();
    return current;
  };
  const hasRoom = () => excessWrites === 0 && slot() !== undefined;
  const tellSpace = () => {
    if (hasRoom()) onSpace();
  };

  function send(from: Slot): void {
    if (from.sentBytes === from.filledBytes) return;
    const piece = from.memory.subarray(from.sentBytes, from.filledBytes);
    from.sentBytes = from.filledBytes;
    from.pendingWrites += 1;
    stream.write(piece, () => {
      from.pendingWrites -= 1;
      if (from.pendingWrites === 0 && from.sentBytes === slotBytes) {
        from.filledBytes = from.sentBytes = 0;
        free.push(from);
      }
      tellSpace();
    });
  }

  function flush(): void {
    isAwaited = false;
    if (current !== undefined) send(current);
  }

  function advance(within: Slot, byteCount: number): void {
    within.filledBytes += byteCount;
    if (within.filledBytes === slotBytes) {
      send(within);
      current = undefined;
    } else if (!isAwaited) {
      isAwaited = true;
      later(flush);
    }
  }

  function copy(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const into = slot();
      if (into === undefined) {
        excessWrites += 1;
        stream.write(Buffer.from(bytes.subarray(at)), () => {
          excessWrites -= 1;
          tellSpace();
        });
        return;
      }
      const copied = bytes.copy(into.memory, into.filledBytes, at);
      advance(into, copied);
      at += copied;
    }
  }

  return {
    region() {
      const into = slot();
      return into?.memory.subarray(into.filledBytes);
    },
    take(bytes) {
      const isInPlace =
        current !== undefined &&
        bytes.buffer === current.memory.buffer &&
        bytes.byteOffset === current.memory.byteOffset + current.filledBytes;
      if (isInPlace && current !== undefined) advance(current, bytes.length);
      else copy(bytes);
      return hasRoom();
    },
    flush,
  };
}
