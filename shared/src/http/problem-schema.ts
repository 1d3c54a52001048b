// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** What problem documents hold, for descriptions of APIs. */
export const problemSchema = () =>
  z
    .object({
      type: z.string(),
      title: z.string(),
      status: z.number().int(),
      detail: z.string().describe('What happened in this very case.'),
      code: z.string().optional().describe('Tells programs which error it was, such as NO_SPACE.'),
      reasons: z.array(z.string()).optional(),
    })
    .describe('RFC 9457.');
