// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { operationResultSchema } from '../../launch/deployments/deployment-view.ts';

/** What an agent says of an operation while it goes on: a document a line. */
export const operationProgressSchema = z.discriminatedUnion('event', [
  z.looseObject({ event: z.literal('begun') }),
  z.looseObject({ event: z.literal('received'), receivedBytes: z.number().describe('Of the archive.') }),
  z.looseObject({
    event: z.literal('loaded'),
    image: z.string().describe('As the engine has it.'),
    sizeBytes: z.number(),
  }),
  z.looseObject({ event: z.literal('step'), step: z.string().describe('A sentence.') }),
]);

/** What an agent says of an operation, line by line, with what came of it in the end. */
export const operationLineSchema = z.discriminatedUnion('event', [
  ...operationProgressSchema.options,
  operationResultSchema.extend({ event: z.literal('done') }),
  z.looseObject({
    event: z.literal('failed'),
    status: z.number(),
    code: z.string().optional(),
    detail: z.string(),
    logs: z.array(z.string()).default([]),
    serving: z.string().nullable().optional(),
  }),
]);
export type OperationLine = z.infer<typeof operationLineSchema>;
export type FailedLine = Extract<OperationLine, { event: 'failed' }>;
