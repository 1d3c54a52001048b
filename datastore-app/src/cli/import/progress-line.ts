// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { bytes } from '../../http/openapi/scalars.ts';

/** What a command with `--json` says on stderr of content that it sends or takes: a document each second. */
export const progressLineSchema = () =>
  z.object({
    event: z.literal('progress'),
    source: z.string().describe('What it is the content of.'),
    sentBytes: bytes,
    totalBytes: bytes.nullable().describe('null: nobody knows.'),
  });
export type ProgressLine = z.infer<ReturnType<typeof progressLineSchema>>;
