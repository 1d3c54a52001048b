// SPDX-License-Identifier: Apache-2.0
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import * as z from 'zod';
import { open, problems } from '../openapi/describe.ts';
import { createResource, type Resource } from '../resource.ts';

export const healthSchema = () =>
  z.object({
    status: z.literal('ok'),
    warnings: z.array(z.string()).optional().describe('Of readyz: what a person should know all the same.'),
  });
const HEALTH = { name: 'Health', zod: healthSchema };

export interface HealthDeps {
  /** Why the datastore is not ready, as sentences; none: it is. */
  reasonsNotReady(): readonly string[];
  /** What a person should know though devices are served, as sentences. */
  warnings(): readonly string[];
}

/** `/-/livez` and `/-/readyz`. */
export function createHealthRoutes({ reasonsNotReady, warnings: listWarnings }: HealthDeps): Resource {
  return createResource([
    open({
      method: 'GET',
      path: '/-/livez',
      summary: 'Whether the process lives',
      responses: { 200: jsonResponse('It does.', HEALTH) },
      handle: (_request, response) => response.json({ status: 'ok' }),
    }),
    open({
      method: 'GET',
      path: '/-/readyz',
      summary: 'Whether devices can be served',
      responses: { 200: jsonResponse('They can.', HEALTH), ...problems(503) },
      handle(_request, response) {
        const reasons = reasonsNotReady();
        const warnings = listWarnings();
        if (reasons.length === 0) response.json({ status: 'ok', ...(warnings.length > 0 && { warnings }) });
        else sendProblem(response, { status: 503, detail: 'The datastore is not ready.', reasons });
      },
    }),
  ]);
}
