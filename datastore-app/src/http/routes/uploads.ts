import { sendProblem } from '@local-datastore/shared/http/problem';
import { sayContinue } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import { type NextFunction, type Request, type Response, Router } from 'express';
import type { UploadStatus, Uploads } from '../../uploads/uploads.ts';
import type { Authorize } from '../authorize.ts';
import type { TusHandler } from '../tus/tus-server.ts';

const UPLOADS = '/-/api/v1/uploads';

export interface UploadRoutesDeps {
  readonly log: Log;
  readonly uploads: Uploads;
  readonly authorize: Authorize;
}

/** `/-/api/v1/uploads`: a list with GET, everything else by tus 1.0; all of it needs the write token. */
export function createUploadRoutes({ log, uploads, authorize }: UploadRoutesDeps): Router {
  const router = Router();
  let tus: Promise<TusHandler> | undefined;

  /** @tus/server costs 20 MB and 70 ms: only who uploads pays. */
  async function loadTus(): Promise<TusHandler> {
    const { createTusHandler } = await import('../tus/tus-server.ts');
    return createTusHandler({ log, uploads }, { path: UPLOADS });
  }

  function toListed(status: UploadStatus) {
    const { id, path, sizeBytes, receivedBytes, created, changed } = status;
    const expires = new Date(changed.getTime() + uploads.expiryMs).toISOString();
    return { id, url: `${UPLOADS}/${id}`, path, sizeBytes, receivedBytes, created, expires };
  }

  /** Tells a client that waits for it to send: only where what it wants to send fits. */
  async function continueIfWanted(request: Request, response: Response): Promise<void> {
    if (request.headers.expect === undefined) return;
    if (request.method === 'PATCH') {
      const upload = await uploads.find(request.path.slice(UPLOADS.length + 1));
      if (String(upload?.receivedBytes) !== request.headers['upload-offset']) return;
    }
    sayContinue(request, response);
  }

  const isPermitted = (request: Request, response: Response) => {
    const action = request.method === 'GET' || request.method === 'HEAD' ? 'read' : 'write';
    return authorize(request, response, { action, resource: { kind: 'uploads' } });
  };
  const requireToken = (request: Request, response: Response, next: NextFunction) => {
    // OPTIONS tells what the server can do, and nothing about uploads.
    if (request.method === 'OPTIONS' || isPermitted(request, response)) next();
  };

  const byTus = async (request: Request, response: Response) => {
    tus ??= loadTus();
    const handler = await tus;
    await continueIfWanted(request, response);
    await handler(request, response, request.path);
  };

  router.all([UPLOADS, `${UPLOADS}/*id`], requireToken);
  router
    .route(UPLOADS)
    .get(async (_request, response) => {
      response.json({ uploads: (await uploads.list()).map(toListed) });
    })
    .all(byTus);
  router
    .route(`${UPLOADS}/*id`)
    .head(byTus)
    .get(async (request, response) => {
      const status = await uploads.find(request.path.slice(UPLOADS.length + 1));
      if (status === undefined) sendProblem(response, { status: 404, detail: 'There is no such upload.' });
      else
        response.json({
          ...toListed(status),
          isPublished: status.isPublished,
          sha256: status.verifiedSha256,
        });
    })
    .all(byTus);
  return router;
}
