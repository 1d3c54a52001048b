import * as z from 'zod';

/** Enumerations and 64-bit numbers as protobuf's JSON mapping writes them, and as it lets others write them. */

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

/** An unsigned 64-bit number: canonically a string of digits, also read as a number; kept as a number. */
export const protoUint64 = z.union(
  [
    z.int().min(0),
    z
      .string()
      .regex(/^\d{1,16}$/)
      .transform(Number)
      .pipe(z.int()),
  ],
  {
    error: 'a whole number of at most 2^53 expected',
  },
);
