// SPDX-License-Identifier: Apache-2.0
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import { MAX_VALUE_BYTES } from '../store/key-store.ts';

/** A list of some thousand layers; nothing that crosses is longer. */
export const MAX_LONG_BYTES = 512 * 1024;
/** The one key of a value that fits into it, as most do. */
const WHOLE = 'whole';
/** Of any other the key that is written last: how many parts there are. */
const COUNT = 'parts';
const MAX_PARTS = Math.ceil(MAX_LONG_BYTES / MAX_VALUE_BYTES);

const partName = (index: number) => String(index).padStart(3, '0');

/**
 * The keys that a value is written to that may be too long for one, in this order.
 *
 * @throws RangeError for more than {@link MAX_LONG_BYTES}
 */
export function splitLong(
  prefix: KeyPath,
  bytes: Uint8Array,
): readonly { readonly path: KeyPath; readonly value: Uint8Array }[] {
  if (bytes.length > MAX_LONG_BYTES) {
    throw new RangeError(
      `${keyPathText(prefix)} would be ${bytes.length} bytes, and at most ${MAX_LONG_BYTES} are taken`,
    );
  }
  if (bytes.length <= MAX_VALUE_BYTES) return [{ path: [...prefix, WHOLE], value: bytes }];
  const count = Math.ceil(bytes.length / MAX_VALUE_BYTES);
  const parts = Array.from({ length: count }, (_, i) => ({
    path: [...prefix, partName(i)],
    value: bytes.subarray(i * MAX_VALUE_BYTES, (i + 1) * MAX_VALUE_BYTES),
  }));
  return [...parts, { path: [...prefix, COUNT], value: Buffer.from(String(count)) }];
}

/** Puts the parts of one value together. Who writes them is not trusted. */
export interface LongReader {
  /**
   * Takes one change below the prefix.
   *
   * @param name the last component of its path
   * @returns the value, once, when all of it is there
   */
  take(name: string, value: Uint8Array): Buffer | undefined;
}

export function createLongReader(): LongReader {
  const parts = new Map<string, Uint8Array>();
  let count: number | undefined;
  let isWhole = false;
  return {
    take(name, value) {
      if (isWhole) return undefined;
      if (name === WHOLE) {
        isWhole = true;
        parts.clear();
        return Buffer.from(value);
      }
      if (name === COUNT) {
        const text = Buffer.from(value).toString('latin1');
        if (/^\d{1,3}$/.test(text) && Number(text) <= MAX_PARTS) count = Number(text);
      } else if (/^\d{3}$/.test(name) && Number(name) < MAX_PARTS) parts.set(name, value);
      if (count === undefined || parts.size < count) return undefined;
      const whole = Array.from({ length: count }, (_, i) => parts.get(partName(i)));
      if (whole.some((part) => part === undefined)) return undefined;
      isWhole = true;
      parts.clear();
      return Buffer.concat(whole as Uint8Array[]);
    },
  };
}
