// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';

/** What the settings of upstreams are made of. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time such as `10m`, in ms. */
export const duration = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const [, digits, unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
      if (digits !== undefined) return Number(digits) * (UNITS[unit] ?? 0);
      context.issues.push({ code: 'custom', input: text, message: 'a time such as 30s, 10m or 1d expected' });
      return z.NEVER;
    });

/** What a file beside the settings holds. @throws Error which names it */
export function readText(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${what} ${file} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}

/** What an upstream is shown: by name and password (RFC 7617). */
export const passwordCredential = () => z.strictObject({ user: z.string().min(1), passwordFile: z.string() });
