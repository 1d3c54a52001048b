import { Router } from 'express';
import type { Metrics } from '../../activity/metrics.ts';
import { onlyRead } from './only-read.ts';

/** `/-/metrics`, in the text format of Prometheus. */
export function createMetricsRoutes({ metrics }: { readonly metrics: Metrics }): Router {
  const router = Router();
  router
    .route('/-/metrics')
    .get(async (_request, response) => {
      const text = await metrics.text();
      response.set('Content-Type', metrics.contentType).send(text);
    })
    .all(onlyRead);
  return router;
}
