// SPDX-License-Identifier: Apache-2.0
import type { KeyPath } from '../store/key-path.ts';
import type { StoreClient } from '../store/store-client.ts';
import { readJson } from './ask-messages.ts';
import { createLongReader, type LongReader } from './long-value.ts';

export interface LongValueListener {
  /** The JSON of a value, once all its parts are there; undefined: it is none. */
  onValue(prefix: KeyPath, value: unknown): void;
  /** A value is no more, or is taken back before it was whole. */
  onGone?(prefix: KeyPath): void;
  /** The watch is over, and why. */
  onLost?(reason: string): void;
}

/**
 * Watches values that stand in parts, as `splitLong` writes them.
 *
 * @param pattern of the parts: that of their prefix, and one component more
 * @returns what ends the watch
 */
export async function watchLong(
  store: StoreClient,
  pattern: string,
  { onValue, onGone, onLost }: LongValueListener,
): Promise<() => void> {
  const readers = new Map<string, LongReader>();
  return await store.watch(
    pattern,
    ({ path, value }) => {
      const prefix = path.slice(0, -1);
      const key = prefix.join('/');
      if (value === null) {
        if (readers.delete(key)) onGone?.(prefix);
        return;
      }
      const reader = readers.get(key) ?? createLongReader();
      readers.set(key, reader);
      const bytes = reader.take(path.at(-1) ?? '', value);
      if (bytes !== undefined) onValue(prefix, readJson(bytes));
    },
    onLost,
  );
}
