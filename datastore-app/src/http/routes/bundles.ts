import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { type Request, type Response, Router } from 'express';
import type { Catalogue } from '../../images/catalogue.ts';
import type { ImageStore } from '../../images/image-store.ts';
import type { OpenImage } from '../../images/open-image.ts';
import { sendProblem } from '../problem.ts';
import { contentOf } from '../publish.ts';
import { refuse } from '../refuse.ts';
import { storeProblem } from '../store-problem.ts';
import { onlyRead } from './only-read.ts';

export interface BundleRoutesDeps {
  readonly log: Log;
  readonly catalogue: Pick<Catalogue, 'list' | 'digestOf'>;
  readonly store: ImageStore;
  readonly openImage: (path: string) => OpenImage | undefined;
}

const queryOf = ({ url = '' }: IncomingMessage) => new URL(url, 'http://datastore.invalid').searchParams;

/** `POST /-/api/v1/import` takes a tar of images with SHA256SUMS; `GET /-/api/v1/export` gives one. */
export function createBundleRoutes({ log, catalogue, store, openImage }: BundleRoutesDeps): Router {
  const router = Router();

  async function takeBundle(request: Request, response: Response) {
    const replace = queryOf(request).get('replace') === 'true';
    const { importBundle } = await import('../../bundles/import-bundle.ts');
    const images = await importBundle({ store }, contentOf(request, response), { replace });
    log.info({ images: images.length }, 'a bundle was imported');
    return images;
  }

  router
    .route('/-/api/v1/import')
    .post(async (request, response) => {
      try {
        response.json({ images: await takeBundle(request, response) });
      } catch (error) {
        if (request.destroyed && !request.complete) {
          log.info({}, 'the import of a bundle was broken off; nothing of it is kept');
          response.destroy();
          return;
        }
        const problem = storeProblem(error);
        if (problem === undefined)
          log.error({ reason: errorMessage(error) }, 'a bundle could not be imported');
        const unexpected = {
          status: 500,
          detail: 'The import failed; the log says why. Nothing of it is kept.',
        };
        refuse(request, response, problem ?? unexpected);
      }
    })
    .all((request, response) => {
      const detail = 'A bundle is imported with POST: a tar of images and their SHA256SUMS.';
      refuse(request, response, { status: 405, detail }, { Allow: 'POST' });
    });

  router
    .route('/-/api/v1/export')
    .get(async (request, response) => {
      const { exportBundle, selectImages } = await import('../../bundles/export-bundle.ts');
      try {
        const paths = selectImages(
          catalogue.list().map(({ path }) => path),
          queryOf(request).getAll('path'),
        );
        response.setHeader('Content-Type', 'application/x-tar');
        response.setHeader('Content-Disposition', 'attachment; filename="images.tar"');
        if (request.method === 'HEAD') response.end();
        else await pipeline(exportBundle({ openImage, digestOf: catalogue.digestOf }, paths), response);
      } catch (error) {
        const problem = storeProblem(error);
        // Half a tar must not look like a whole one.
        if (response.headersSent) response.destroy();
        else if (problem !== undefined) sendProblem(response, problem);
        else throw error;
        if (!request.socket.destroyed) log.warn({ reason: errorMessage(error) }, 'an export was broken off');
      }
    })
    .all(onlyRead);
  return router;
}
