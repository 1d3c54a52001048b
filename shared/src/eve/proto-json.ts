// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/**
 * What protobuf's JSON mapping writes, and what it lets others write: https://protobuf.dev/programming-guides/json/
 * and Go's own encoding of the generated structures, which eden prints.
 */

/** A protobuf enumeration whose values are counted from 0: read by name or by number, kept as the name. */
export function protoEnum<const Names extends readonly [string, ...string[]]>(names: Names) {
  const byNumber = z
    .int()
    .min(0)
    .max(names.length - 1)
    .transform((value): Names[number] => names[value] ?? names[0]);
  return z.union([z.enum(names), byNumber], {
    error: `one of ${names.join(', ')} expected, or its number`,
  });
}

/** A number in a text: digits, also as JSON writes a number with a fraction of zero or an exponent. */
const INTEGER_TEXT = /^-?\d{1,20}(\.0{1,20})?([eE]\+?\d{1,2})?$/;

const numberInText = z.string().regex(INTEGER_TEXT).transform(Number);

const WHOLE = { error: 'a whole number of at most 2^53 expected' };
const wholeNumber = z.int(WHOLE).min(0, WHOLE);

/** An unsigned 64-bit number: canonically a text of digits, also read as a number; kept as a number. */
export const protoUint64 = z.union([wholeNumber, numberInText.pipe(wholeNumber)], WHOLE);

/** A signed 64-bit number of which nothing depends on the last digits: beyond 2^53 they are lost. */
export const protoInt64 = z.union([z.number(), numberInText], { error: 'a whole number expected' });

/** RFC 4648 §4 and §5: both alphabets, padded or not, and broken into lines (RFC 2045). */
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** `bytes`: base64 in any of its forms; kept in the standard one, padded. */
export const protoBytes = z
  .string()
  .transform((text) => text.replace(/\s/g, ''))
  .refine((text) => BASE64.test(text), { error: 'base64 expected' })
  .transform((text) => text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, ''))
  .refine((digits) => digits.length % 4 !== 1, { error: 'base64 expected: it is cut short' })
  .transform((digits) => digits.padEnd(Math.ceil(digits.length / 4) * 4, '='));

const foldName = (name: string) => name.replace(/[_-]/g, '').toLowerCase();

/** A message's fields under the names that they have here, and those that it holds more than once. */
export interface NamedFields {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Given under several spellings, with different values. */
  readonly repeated: readonly string[];
}

/**
 * Finds a message's fields, whichever way their names are spelled: as in the proto file (`ds_ids_list`), as JSON
 * has them (`dsIdsList`), or in the case of another program. A field that was left out without a word, as its name
 * was not known, would be worse than one that was taken too willingly. Other fields are left out, null is absent.
 *
 * @returns (the returned function) null for what is no object
 */
export function fieldReader(names: readonly string[]): (message: unknown) => NamedFields | null {
  const known = new Map(names.map((name) => [foldName(name), name]));
  return (message) => {
    if (typeof message !== 'object' || message === null || Array.isArray(message)) return null;
    const fields: Record<string, unknown> = {};
    const repeated = new Set<string>();
    for (const [key, value] of Object.entries(message)) {
      const name = value === null ? undefined : known.get(foldName(key));
      if (name === undefined) continue;
      if (Object.hasOwn(fields, name) && JSON.stringify(fields[name]) !== JSON.stringify(value))
        repeated.add(name);
      fields[name] = value;
    }
    return { fields, repeated: [...repeated] };
  };
}

/**
 * A message within a message: its fields under whichever of their spellings. What is left out is as its schema
 * says, other fields are left alone.
 */
export function protoMessage<Shape extends z.ZodRawShape>(shape: Shape) {
  const readFields = fieldReader(Object.keys(shape));
  return z.preprocess((message, context) => {
    const named = readFields(message);
    for (const field of named?.repeated ?? []) {
      context.addIssue({ code: 'custom', path: [field], message: 'given twice, with different values' });
    }
    return named?.fields ?? message;
  }, z.object(shape));
}
