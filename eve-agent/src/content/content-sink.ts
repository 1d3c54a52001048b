// SPDX-License-Identifier: Apache-2.0
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import type { StreamHasher } from './stream-hasher.ts';

/** Writes to one file at a position, one call at a time. */
export interface BlockWriter {
  /** Positions and lengths of all writes but the last of a file are multiples of this. */
  readonly blockBytes: number;
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Reads what an earlier run stored; less than `blockBytes`. */
  read(bytes: Uint8Array, position: number): Promise<void>;
  truncate(): Promise<void>;
}

export interface SinkOptions {
  /** Shared with the hasher; whole blocks, page-aligned where the writer needs it. */
  readonly memory: SharedArrayBuffer;
  readonly slotBytes: number;
  /** A slot that fills slowly is written so often, as far as it is; a killed process loses no more than that. */
  readonly writeIntervalMs: number;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Of the digest; absent: sha256. */
  readonly algorithm?: OciAlgorithm;
  /** Is told how many bytes of the file have been written. */
  readonly onStored?: (bytes: number) => void;
}

/** A piece of the memory: filled by the network, then hashed and written at the same time, then free again. */
interface Slot {
  readonly offset: number;
  /** How many of {hash, write} still need its bytes. */
  pendingUses: number;
}

/**
 * Takes a body in, in order, and sends each byte two ways: to the hash thread and to the file.
 *
 * A ring of slots in shared memory. The network fills one slot at a time, either in place (`region` and
 * `commit`) or by copy (`write`). A full slot goes to the hasher and the writer; it is filled again when both
 * are done with it. When the next slot is not free yet, the sender is asked to pause.
 */
export class ContentSink {
  readonly #hasher: StreamHasher;
  readonly #writer: BlockWriter;
  readonly #memory: Uint8Array;
  readonly #slotBytes: number;
  readonly #writeIntervalMs: number;
  readonly #nowMs: () => number;
  readonly #algorithm: OciAlgorithm;
  readonly #onStored: (bytes: number) => void;
  readonly #slots: Slot[];
  #current = 0;
  /** Within the current slot: where the bytes of this body start, and where the next one goes. */
  #start = 0;
  #fill = 0;
  /** Within the current slot: how much of it is written already, or about to be; whole blocks. */
  #written = 0;
  #writtenAtMs: number;
  /** Where the current slot stands in the file. */
  #slotPosition = 0;
  #backlog: Buffer = Buffer.alloc(0);
  #writes: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  #wakeFlush: () => void = () => {};
  #onSpace: () => void = () => {};
  #onFailure: (error: Error) => void = () => {};

  constructor(hasher: StreamHasher, writer: BlockWriter, options: SinkOptions) {
    this.#hasher = hasher;
    this.#writer = writer;
    this.#memory = new Uint8Array(options.memory);
    this.#slotBytes = options.slotBytes;
    this.#writeIntervalMs = options.writeIntervalMs;
    this.#nowMs = options.nowMs;
    this.#algorithm = options.algorithm ?? 'sha256';
    this.#onStored = options.onStored ?? (() => {});
    this.#writtenAtMs = options.nowMs();
    const count = Math.floor(options.memory.byteLength / options.slotBytes);
    this.#slots = Array.from({ length: count }, (_, i) => ({
      offset: i * options.slotBytes,
      pendingUses: 0,
    }));
  }

  /** How many bytes of the file were taken in: the next byte's offset. */
  get position(): number {
    return this.#slotPosition + this.#fill + this.#backlog.length;
  }

  /** Who is told that `commit` or `write` may be called again, and that hashing or writing failed. */
  listen(onSpace: () => void, onFailure: (error: Error) => void): void {
    this.#onSpace = onSpace;
    this.#onFailure = onFailure;
    if (this.#failure !== undefined) onFailure(this.#failure);
  }

  /** Goes on behind the bytes that the file at `path` already holds; they are hashed while more arrive. */
  async resume(path: string, position: number): Promise<void> {
    this.#slotPosition = position - (position % this.#writer.blockBytes);
    this.#start = this.#fill = position - this.#slotPosition;
    const { offset } = this.#slot();
    const head = this.#memory.subarray(offset, offset + this.#start);
    if (head.length > 0) await this.#writer.read(head, this.#slotPosition);
    this.#hasher.updateFromFile(path, position);
  }

  /** Forgets all that was taken in. */
  async restart(): Promise<void> {
    await this.#writes;
    this.#throwIfFailed();
    // The hasher may still be reading what an earlier run stored: the file is cut only after that.
    await this.#hasher.reset(this.#algorithm);
    this.#backlog = Buffer.alloc(0);
    this.#start = this.#fill = this.#written = this.#slotPosition = 0;
    await this.#writer.truncate();
  }

  /** The memory that the next bytes may be put into, before `commit`; undefined while there is none. */
  region(): Uint8Array | undefined {
    const slot = this.#slot();
    if (slot.pendingUses > 0 || this.#backlog.length > 0) return undefined;
    return this.#memory.subarray(slot.offset + this.#fill, slot.offset + this.#slotBytes);
  }

  /**
   * Takes bytes in: in place when they are a view of `region`, by copy otherwise.
   *
   * @returns false when the sender must pause until `onSpace`
   */
  take(bytes: Buffer): boolean {
    const slot = this.#slot();
    if (bytes.buffer === this.#memory.buffer && bytes.byteOffset === slot.offset + this.#fill) {
      this.#advance(bytes.length);
    } else if (this.#backlog.length > 0) {
      this.#backlog = Buffer.concat([this.#backlog, bytes]);
    } else {
      this.#copy(bytes);
    }
    return this.region() !== undefined;
  }

  /** Waits until everything is hashed and written; the file is not yet synced. */
  async finish(): Promise<string> {
    await this.#flush();
    return await this.#hasher.digest();
  }

  /** Ends a download that failed: writes what can still be written, and returns when nothing is under way. */
  async settle(): Promise<void> {
    await this.#flush().catch(() => {});
    await this.#writes;
  }

  async #flush(): Promise<void> {
    while (this.#backlog.length > 0) {
      this.#throwIfFailed();
      await new Promise<void>((resolve) => {
        this.#wakeFlush = resolve;
      });
    }
    if (this.#fill > this.#start) this.#dispatch();
    await this.#writes;
    this.#throwIfFailed();
  }

  /** Tells the sink that the hasher failed. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#wakeFlush();
    this.#onFailure(error);
  }

  #slot(): Slot {
    return this.#slots[this.#current] as Slot;
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #copy(bytes: Buffer): void {
    let rest: Uint8Array = bytes;
    while (rest.length > 0) {
      const region = this.region();
      if (region === undefined) {
        this.#backlog = Buffer.from(rest);
        return;
      }
      const piece = rest.subarray(0, region.length);
      region.set(piece);
      this.#advance(piece.length);
      rest = rest.subarray(piece.length);
    }
  }

  #advance(byteCount: number): void {
    this.#fill += byteCount;
    if (this.#fill === this.#slotBytes) this.#dispatch();
    else if (this.#nowMs() - this.#writtenAtMs >= this.#writeIntervalMs) this.#writeAhead();
  }

  /** Writes the whole blocks of the current slot that are not written yet; the slot goes on filling. */
  #writeAhead(): void {
    const end = this.#fill - (this.#fill % this.#writer.blockBytes);
    if (end === this.#written) return;
    this.#queueWrite(this.#written, end);
    this.#written = end;
  }

  /**
   * Writes a part of the current slot, after all that was to be written before. One write at a time and in
   * order: the length of the file says how much of it can be trusted.
   */
  #queueWrite(from: number, to: number, onWritten: () => void = () => {}): void {
    const { offset } = this.#slot();
    const bytes = this.#memory.subarray(offset + from, offset + to);
    const position = this.#slotPosition + from;
    this.#writtenAtMs = this.#nowMs();
    this.#writes = this.#writes.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        if (bytes.length > 0) {
          await this.#writer.write(bytes, position);
          this.#onStored(position + bytes.length);
        }
        onWritten();
      } catch (error) {
        this.fail(error as Error);
      }
    });
  }

  /** Sends the current slot on its two ways and moves to the next one. */
  #dispatch(): void {
    const slot = this.#slot();
    slot.pendingUses = 2;
    this.#hasher.updateFromMemory(slot.offset + this.#start, this.#fill - this.#start, () =>
      this.#release(slot),
    );
    this.#queueWrite(this.#written, this.#fill, () => this.#release(slot));
    this.#slotPosition += this.#fill;
    this.#current = (this.#current + 1) % this.#slots.length;
    this.#start = this.#fill = this.#written = 0;
  }

  #release(slot: Slot): void {
    slot.pendingUses -= 1;
    if (slot.pendingUses > 0 || slot !== this.#slot()) return;
    const backlog = this.#backlog;
    this.#backlog = Buffer.alloc(0);
    this.#copy(backlog);
    this.#wakeFlush();
    if (this.region() !== undefined) this.#onSpace();
  }
}
