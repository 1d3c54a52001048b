// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { wireErrorSchema } from './wire-error.ts';

/** What priv says to an ask. */
export const answerSchema = z.union([
  z.strictObject({ error: wireErrorSchema }),
  z.strictObject({ value: z.unknown(), hasHandle: z.boolean() }),
]);
export type Answer = z.infer<typeof answerSchema>;

export const toJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** @returns undefined for what is no JSON, which no schema takes */
export function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
