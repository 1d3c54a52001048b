// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const UNITS = ['', 'K', 'M', 'G', 'T'] as const;
const BYTE_SIZE = /^(\d{1,15})\s*(?:([KMGT])(?:iB|B)?)?$/i;

/** The same for a JSON Schema, whose patterns have no flags. */
const FILE_PATTERN = '^\\d{1,15}\\s*([KMGTkmgt]([iI]?[bB])?)?$';

/**
 * A number of bytes as people write it: `4096`, `512M`, `20G`. The units are powers of 1024, as with the
 * tools that make volumes; `M`, `MB` and `MiB` mean the same.
 *
 * @returns a schema from text to whole bytes
 */
export function byteSize() {
  const error = 'a size expected, such as 4096, 512M or 20G';
  return z
    .string({ error })
    .regex(BYTE_SIZE, { error })
    .transform((text) => {
      const [, digits = '', unit = ''] = BYTE_SIZE.exec(text) ?? [];
      return Number(digits) * 1024 ** UNITS.indexOf(unit.toUpperCase() as (typeof UNITS)[number]);
    })
    .refine(Number.isSafeInteger, { error })
    .meta({ fileSchema: { type: ['string', 'integer'], pattern: FILE_PATTERN, minimum: 0 } });
}
