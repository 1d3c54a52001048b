// SPDX-License-Identifier: Apache-2.0
/** What keys hold: bytes on the way, values in the programs of both sides. */
import { MAX_VALUE_BYTES } from '../store/key-store.ts';

/** Writes and reads the values of a key. Each side checks what it reads by it: the other one is not trusted. */
export interface ValueCodec<Value> {
  /** @throws RangeError a value that {@link decode} would not take */
  encode(value: Value): Uint8Array;
  /** @returns null for bytes that are no such value */
  decode(bytes: Uint8Array): Value | null;
}

export interface TextForm<Value> {
  /** Of UTF-8, {@link MAX_VALUE_BYTES} at most. */
  readonly maxBytes: number;
  write(value: Value): string;
  /** @returns null for what is none */
  read(text: string): Value | null;
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | null {
  try {
    return UTF_8.decode(bytes);
  } catch {
    return null;
  }
}

/** Values as texts of a form of their own. */
export function textForm<Value>({ maxBytes, write, read }: TextForm<Value>): ValueCodec<Value> {
  function decode(bytes: Uint8Array): Value | null {
    const whole = bytes.length > maxBytes ? null : textOf(bytes);
    return whole === null ? null : read(whole);
  }
  return {
    decode,
    encode(value) {
      const bytes = Buffer.from(write(value));
      if (decode(bytes) === null) {
        throw new RangeError(`a value of ${bytes.length} bytes is none that its key takes`);
      }
      return bytes;
    },
  };
}

const PRINTABLE = /^[ -~]*$/;

/**
 * A text of one line.
 *
 * @param pattern what it has to match; default: ASCII that shows, and spaces
 * @param maxBytes of UTF-8, {@link MAX_VALUE_BYTES} at most
 */
export function text({
  pattern = PRINTABLE,
  maxBytes,
}: {
  readonly pattern?: RegExp;
  readonly maxBytes: number;
}): ValueCodec<string> {
  return textForm({ maxBytes, write: (value) => value, read: (each) => (pattern.test(each) ? each : null) });
}

/** A whole number from one to another, in decimal digits without leading zeros. */
export function wholeNumber({
  min,
  max,
}: {
  readonly min: number;
  readonly max: number;
}): ValueCodec<number> {
  return textForm({
    maxBytes: 20,
    write: String,
    read(digits) {
      const value = /^(?:0|-?[1-9]\d*)$/.test(digits) ? Number(digits) : Number.NaN;
      return Number.isSafeInteger(value) && value >= min && value <= max ? value : null;
    },
  });
}

/**
 * JSON of one form.
 *
 * @param parse tells whether it has it, and gives null where not: for a schema of zod
 *   `(value) => schema.safeParse(value).data ?? null`
 */
export function json<Value extends {}>(
  parse: (value: unknown) => Value | null,
  { maxBytes = MAX_VALUE_BYTES }: { readonly maxBytes?: number } = {},
): ValueCodec<Value> {
  return textForm({
    maxBytes,
    write: (value) => JSON.stringify(value),
    read(written) {
      try {
        return parse(JSON.parse(written));
      } catch {
        return null;
      }
    },
  });
}
