import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import { type Request, Router } from 'express';
import { toListedImage } from '../../eve/listed-image.ts';
import type { Catalogue } from '../../images/catalogue.ts';
import { parseImagePath } from '../../images/image-path.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { NO_SUCH_IMAGE } from '../store-problem.ts';
import { onlyRead } from './only-read.ts';

const IMAGES = '/-/api/v1/images';

export interface ImageRoutesDeps {
  readonly log: Log;
  readonly catalogue: Catalogue;
  readonly store: ImageStore;
}

const pathOf = (request: Request) => parseImagePath(request.path.slice(IMAGES.length));

/** `/-/api/v1/images`: what the catalogue knows of all images, and of one; DELETE removes one. */
export function createImageRoutes({ log, catalogue, store }: ImageRoutesDeps): Router {
  const router = Router();
  router
    .route(IMAGES)
    .get((request, response) => {
      const entityTag = `"${catalogue.revision()}"`;
      // Whoever asks every second is answered in a line when nothing changed.
      response.set({ 'Cache-Control': 'no-cache', ETag: entityTag });
      if (request.headers['if-none-match'] === entityTag) response.status(304).end();
      else response.json({ images: catalogue.list().map(toListedImage) });
    })
    .all(onlyRead);
  router
    .route(`${IMAGES}/*path`)
    .get((request, response) => {
      const path = pathOf(request);
      const image = path === undefined ? undefined : catalogue.find(path);
      if (image === undefined) sendProblem(response, NO_SUCH_IMAGE);
      else response.json(toListedImage(image));
    })
    .delete(async (request, response) => {
      const path = pathOf(request);
      if (path === undefined || !(await store.remove(path))) {
        sendProblem(response, NO_SUCH_IMAGE);
        return;
      }
      log.info({ path }, 'an image was deleted');
      response.status(204).end();
    })
    .all((request, response) => {
      const detail = `${request.path} can be read with GET or HEAD, and removed with DELETE.`;
      sendProblem(response, { status: 405, detail }, { Allow: 'GET, HEAD, DELETE' });
    });
  return router;
}
