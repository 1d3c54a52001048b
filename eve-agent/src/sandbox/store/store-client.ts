import type { KeyPath } from './key-path.ts';

/** A key that another value was written to, or that is no more. */
export interface SeenChange {
  readonly path: KeyPath;
  /** null: it was deleted. */
  readonly value: Uint8Array | null;
}

/** The store as a calf has it. All calls reject with a StoreError: what is refused, BUSY once it has ended. */
export interface StoreClient {
  /** null where there is no such key. */
  read(path: KeyPath): Promise<Uint8Array | null>;
  write(path: KeyPath, value: Uint8Array): Promise<void>;
  /** Rejects with NOT_FOUND where there is no such key. */
  delete(path: KeyPath): Promise<void>;
  /**
   * Tells of the keys that a pattern matches: first, before the promise is fulfilled, of those that are there, then of
   * changes. A watcher that does not keep up sees the last value of each key and not all between.
   *
   * @param onLost the watch is over, and why: too much changed, or the store has ended
   * @returns what ends the watch; nothing is told after it was called
   */
  watch(
    pattern: string,
    onChange: (change: SeenChange) => void,
    onLost?: (reason: string) => void,
  ): Promise<() => void>;
  /** Why the store has ended; never rejects. */
  readonly closed: Promise<string>;
  close(): void;
}
