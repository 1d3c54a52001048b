import * as z from 'zod';
import { operationResultSchema } from '../../launch/deployments/deployment-view.ts';

/** What an agent says of an operation, line by line. */
export const operationLineSchema = z.discriminatedUnion('event', [
  z.looseObject({ event: z.literal('begun') }),
  z.looseObject({ event: z.literal('received'), receivedBytes: z.number() }),
  z.looseObject({ event: z.literal('loaded'), image: z.string(), sizeBytes: z.number() }),
  z.looseObject({ event: z.literal('step'), step: z.string() }),
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
