import express, { type Express, type Request, type Response } from 'express';
import type { AdvertiserStatus } from '../advertise/advertiser.ts';
import type { Catalogue } from '../images/catalogue.ts';
import { parseImagePath } from '../images/image-path.ts';
import { sendProblem } from './problem.ts';

export interface ApiDeps {
  readonly version: string;
  readonly catalogue: Catalogue;
  /** undefined: advertising is turned off. */
  advertiserStatus(): AdvertiserStatus | undefined;
  /** Whether the program is on its way down. */
  isStopping(): boolean;
}

const HOME = `This is a local datastore for EVE-OS.

Images are at their own path: GET /<path>
All images, with size and sha256: GET /-/api/v1/images
What is advertised and where: GET /-/api/v1/status
`;

function onlyRead(request: Request, response: Response): void {
  const detail = `${request.path} can be read only: with GET, or HEAD.`;
  sendProblem(response, { status: 405, detail }, { Allow: 'GET, HEAD' });
}

/** Everything of the datastore's own, below `/-/`, and `GET /`. */
export function createApi({ version, catalogue, advertiserStatus, isStopping }: ApiDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use((_request, response, next) => {
    response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    next();
  });

  app.get('/', (_request, response) => response.redirect(302, '/-/'));
  app
    .route('/-/')
    .get((_request, response) => response.type('text/plain').send(HOME))
    .all(onlyRead);
  app
    .route('/-/api/v1/images')
    .get((_request, response) => response.json({ images: catalogue.list() }))
    .all(onlyRead);
  app
    .route('/-/api/v1/images/*path')
    .get((request, response) => {
      const path = parseImagePath(request.path.slice('/-/api/v1/images'.length));
      const image = path === undefined ? undefined : catalogue.find(path);
      if (image === undefined)
        sendProblem(response, { status: 404, detail: 'There is no image at this path.' });
      else response.json(image);
    })
    .all(onlyRead);
  app
    .route('/-/api/v1/status')
    .get((_request, response) => {
      const status = advertiserStatus();
      response.json({ version, hostName: status?.hostName ?? null, advertising: status ?? null });
    })
    .all(onlyRead);
  app
    .route('/-/livez')
    .get((_request, response) => response.json({ status: 'ok' }))
    .all(onlyRead);
  app
    .route('/-/readyz')
    .get((_request, response) => {
      const reasons = [
        ...(isStopping() ? ['the datastore is stopping'] : []),
        ...(advertiserStatus()?.reasons ?? []),
      ];
      if (reasons.length === 0) response.json({ status: 'ok' });
      else sendProblem(response, { status: 503, detail: 'The datastore is not ready.', reasons });
    })
    .all(onlyRead);
  app.use((_request, response) =>
    sendProblem(response, { status: 404, detail: 'There is nothing at this path.' }),
  );
  app.use((error: unknown, _request: Request, response: Response, _next: unknown) => {
    const isClients = error instanceof Error && 'status' in error && error.status === 400;
    sendProblem(
      response,
      isClients
        ? { status: 400, detail: 'The path is not percent-encoded correctly.' }
        : { status: 500, detail: 'The request could not be answered; the log says why.' },
    );
  });
  return app;
}
