// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { ParseTask } from '../../parsing/file-parser.ts';
import type { FrameLimits } from './frames.ts';

/** What a parser gets of a file at once; what it reads beyond that it asks for piece by piece. */
export const MAX_PIECE_BYTES = 128 * 1024;
/** Asks of one job that wait for an answer. */
export const MAX_WAITING_ASKS = 8;
/** Of a parser: an archive of some thousand images. */
export const MAX_OUTCOME_BYTES = 4 * 1024 * 1024;

/** What the datastore takes. */
export const FROM_PARSER: FrameLimits = { documentBytes: MAX_OUTCOME_BYTES, bytes: 0 };
/** What a parser takes. */
export const TO_PARSER: FrameLimits = { documentBytes: 1024, bytes: MAX_PIECE_BYTES };

/** What the datastore says; bytes go beside it. */
export type ToParser =
  /** With the first and the last bytes of the file, which nearly every format looks at: nobody asks for these. */
  | {
      readonly kind: 'start';
      readonly job: number;
      readonly task: ParseTask;
      readonly sizeBytes: number;
      /** How many are the first ones. */
      readonly headBytes: number;
    }
  /** With what was asked for; fewer at the end of the file. */
  | { readonly kind: 'bytes'; readonly job: number; readonly ask: number }
  | { readonly kind: 'digest'; readonly job: number; readonly ask: number; readonly hex: string }
  /** Nobody wants it any more. */
  | { readonly kind: 'cancel'; readonly job: number };

const number = z.number().int().nonnegative();
const ofJob = { job: number };

/** What a parser says, which is not trusted. */
export const fromParserSchema = z.discriminatedUnion('kind', [
  /** It takes jobs. */
  z.strictObject({ kind: z.literal('ready') }),
  z.strictObject({
    ...{ kind: z.literal('read'), ...ofJob, ask: number, offset: number },
    length: number.max(MAX_PIECE_BYTES),
  }),
  z.strictObject({
    ...{ kind: z.literal('hash'), ...ofJob, ask: number, offset: number, sizeBytes: number },
    algorithm: z.enum(['sha256', 'sha512', 'sha1', 'md5']),
  }),
  /** What it came to, as the task has it. */
  z.strictObject({ kind: z.literal('done'), ...ofJob, outcome: z.unknown() }),
  z.strictObject({ kind: z.literal('failed'), ...ofJob, reason: z.string() }),
]);
export type FromParser = z.infer<typeof fromParserSchema>;
