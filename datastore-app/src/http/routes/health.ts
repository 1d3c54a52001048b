import { sendProblem } from '@local-datastore/shared/http/problem';
import { Router } from 'express';
import { onlyRead } from './only-read.ts';

export interface HealthDeps {
  /** Why the datastore is not ready, as sentences; none: it is. */
  reasonsNotReady(): readonly string[];
  /** What a person should know though devices are served, as sentences. */
  warnings(): readonly string[];
}

/** `/-/livez` and `/-/readyz`. */
export function createHealthRoutes({ reasonsNotReady, warnings: listWarnings }: HealthDeps): Router {
  const router = Router();
  router
    .route('/-/livez')
    .get((_request, response) => response.json({ status: 'ok' }))
    .all(onlyRead);
  router
    .route('/-/readyz')
    .get((_request, response) => {
      const reasons = reasonsNotReady();
      const warnings = listWarnings();
      if (reasons.length === 0) response.json({ status: 'ok', ...(warnings.length > 0 && { warnings }) });
      else sendProblem(response, { status: 503, detail: 'The datastore is not ready.', reasons });
    })
    .all(onlyRead);
  return router;
}
