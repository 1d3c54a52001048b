// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const bytes = z.int().nonnegative();

/** What `download --json` says on stderr while it goes on: a document a line. */
export const progressLineSchema = () =>
  z.discriminatedUnion('event', [
    z.object({
      event: z.literal('located'),
      url: z.string().describe('With the address in place of the name.'),
      bridge: z.string().nullable().describe('null: ordinary DNS found it.'),
      sourceAddress: z.string().nullable(),
    }),
    z.object({
      event: z.literal('progress'),
      receivedBytes: bytes.describe('Of the file, those from earlier among them.'),
      totalBytes: bytes.nullable(),
      bytesPerSecond: bytes,
    }),
    z.object({ event: z.literal('starting-over'), reason: z.string() }),
    z.object({ event: z.literal('retrying'), delayMs: z.number(), error: z.string() }),
    z.object({ event: z.literal('slow'), bytesPerSecond: z.number() }).describe('Less than `--least-rate`.'),
    z.object({ event: z.literal('fast-enough') }),
    z.object({ event: z.literal('verifying') }),
  ]);
export type ProgressLine = z.infer<ReturnType<typeof progressLineSchema>>;
