// SPDX-License-Identifier: Apache-2.0
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import express, { type Express, type Request, type Response } from 'express';
import { answerFailure } from './answer-failure.ts';
import type { Resource } from './resource.ts';

/** Everything of the datastore's own: `GET /`, and the resources below `/-/`. */
export function createApi({ log }: { readonly log: Log }, resources: readonly Resource[]): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use((_request, response, next) => {
    response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    next();
  });
  for (const { router } of resources) app.use(router);
  app.use((_request, response) =>
    sendProblem(response, { status: 404, detail: 'There is nothing at this path.' }),
  );
  app.use((error: unknown, request: Request, response: Response, _next: unknown) => {
    // The router's own: it undoes the percent-encoding.
    const isClients = error instanceof Error && 'status' in error && error.status === 400;
    if (!isClients) answerFailure({ log }, request, response, error);
    else sendProblem(response, { status: 400, detail: 'The path is not percent-encoded correctly.' });
  });
  return app;
}
