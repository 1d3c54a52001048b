import { Router } from 'express';
import { onlyRead } from './only-read.ts';

const HOME = `This is a local datastore for EVE-OS.

Images are at their own path: GET /<path>
All images, with size and sha256: GET /-/api/v1/images
What is advertised and where: GET /-/api/v1/status
`;

/** `GET /` leads a browser to `/-/`, which says what there is. */
export function createHomeRoutes(): Router {
  const router = Router();
  router
    .route('/')
    .get((_request, response) => response.redirect(302, '/-/'))
    .all(onlyRead);
  router
    .route('/-/')
    .get((_request, response) => response.type('text/plain').send(HOME))
    .all(onlyRead);
  return router;
}
