// SPDX-License-Identifier: Apache-2.0
import { textResponse } from '@local-datastore/shared/http/operation';
import type { Metrics } from '../../activity/metrics.ts';
import { read } from '../openapi/describe.ts';
import { createResource, type Resource } from '../resource.ts';

/** `/-/metrics`, in the text format of Prometheus. */
export function createMetricsRoutes({ metrics }: { readonly metrics: Metrics }): Resource {
  return createResource([
    read({
      method: 'GET',
      path: '/-/metrics',
      summary: 'Metrics for Prometheus',
      responses: { 200: textResponse('The metrics.') },
      async handle(_request, response) {
        const text = await metrics.text();
        response.set('Content-Type', metrics.contentType).send(text);
      },
    }),
  ]);
}
