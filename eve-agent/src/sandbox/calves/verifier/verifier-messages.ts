// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { wireErrorSchema } from '../../exchange/wire-error.ts';
import { type KeyRight, writable } from '../../store/rights.ts';
import { fillOperationSchema, receivedSchema, verdictSchema } from '../net/net-messages.ts';

/** What crosses between priv and the verifier. Both sides read it by these. */
const bytes = z.number().int().nonnegative();
const id = z.string().regex(/^[a-z0-9]{1,32}$/);
const number = z.number().int().positive();

/** By priv, as the argument of the verifier's program. */
export const rulesSchema = z.strictObject({
  stallTimeoutMs: bytes,
  leastRate: z.strictObject({ bytesPerSecond: bytes, windowMs: bytes }),
  /** Of all bodies together; null: as they come. */
  bytesPerSecond: bytes.nullable(),
});
export type VerifierRules = z.infer<typeof rulesSchema>;

/** By priv, as a message; each one about a file that is being filled, by the id that it is opened with. */
export const commandSchema = z.discriminatedUnion('do', [
  /** Opens a file that was lent, and lets it go: whether that is to be had here. */
  z.strictObject({ do: z.literal('try'), id, number, file: z.string() }),
  /** With the pipe that the calf's bytes come by. */
  z.strictObject({
    do: z.literal('open'),
    id,
    /** What it is to become: for errors. */
    target: z.string(),
    /** Where it is now, so many bytes of it from an earlier run. */
    file: z.string(),
    storedBytes: bytes,
    sizeBytes: bytes.nullable(),
    digest: z.strictObject({ algorithm: z.enum(['sha256', 'sha512']), hex: z.string() }),
  }),
  z.strictObject({
    do: z.literal('operate'),
    ...{ id, number, sentBytes: bytes, operation: fillOperationSchema },
  }),
  /** With a connection. */
  z.strictObject({ do: z.literal('receive'), id, number, sentBytes: bytes, restBytes: number }),
  /** Ends what `receive` began. */
  z.strictObject({ do: z.literal('stop'), id, number }),
  /** There is the room that was asked for, or why there is none. */
  z.strictObject({ do: z.literal('room'), id, error: wireErrorSchema.nullable() }),
  /** Ends all that is under way. */
  z.strictObject({ do: z.literal('close'), id, number }),
]);
export type VerifierCommand = z.infer<typeof commandSchema>;

/** By the verifier, at `/verifier/ID/answer`: to the command of that number. */
export const answerSchema = z.strictObject({
  number,
  /** Of bodies so far. */
  receivedBytes: bytes,
  outcome: z.union([
    z.strictObject({ done: z.union([verdictSchema, receivedSchema, z.strictObject({})]) }),
    z.strictObject({
      error: wireErrorSchema,
      /** A calf did what no sound one does. */ isRefusal: z.boolean(),
    }),
  ]),
});
export type VerifierAnswer = z.infer<typeof answerSchema>;

/** By the verifier, at `/verifier/ID/event`. */
export const eventSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('slow'), bytesPerSecond: z.number().nonnegative() }),
  z.strictObject({ kind: z.literal('fast-enough') }),
  /** There has to be room for so many more bytes before it goes on. */
  z.strictObject({ kind: z.literal('room'), neededBytes: bytes }),
  /** No more of the calf's bytes are taken, and why. */
  z.strictObject({ kind: z.literal('failed'), error: wireErrorSchema }),
]);
export type VerifierEvent = z.infer<typeof eventSchema>;

export const VERIFIER = 'verifier';
export const READY_PATH = [VERIFIER, 'ready'] as const;
export const VERIFIER_RIGHTS: readonly KeyRight[] = [
  writable(`/${VERIFIER}/*/answer`),
  writable(`/${VERIFIER}/*/event`),
  writable(`/${READY_PATH.join('/')}`),
];
