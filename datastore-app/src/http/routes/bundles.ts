import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import { Router } from 'express';
import { verifiedContent } from '../../content/verified-content.ts';
import type { Catalogue } from '../../images/catalogue.ts';
import type { ImageStore } from '../../images/image-store.ts';
import type { OpenImage } from '../../images/open-image.ts';
import { contentOf } from '../publish.ts';
import { decideUploadContent } from '../upload-content.ts';
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

  router
    .route('/-/api/v1/import')
    .post(async (request, response) => {
      const decided = decideUploadContent(request.headers, '/-/api/v1/import');
      if (decided.kind === 'refused') {
        refuse(request, response, decided.problem);
        return;
      }
      const replace = queryOf(request).get('replace') === 'true';
      const { importBundle } = await import('../../bundles/import-bundle.ts');
      const content = verifiedContent(contentOf(request, response), decided.digests);
      const images = await importBundle({ store }, content, { replace });
      log.info({ images: images.length }, 'a bundle was imported');
      response.json({ images });
    })
    .all((request, response) => {
      const detail = 'A bundle is imported with POST: a tar of images and their SHA256SUMS.';
      refuse(request, response, { status: 405, detail }, { Allow: 'POST' });
    });

  router
    .route('/-/api/v1/export')
    .get(async (request, response) => {
      const { exportBundle, selectImages } = await import('../../bundles/export-bundle.ts');
      const paths = selectImages(
        catalogue.list().map(({ path }) => path),
        queryOf(request).getAll('path'),
      );
      response.setHeader('Content-Type', 'application/x-tar');
      response.setHeader('Content-Disposition', 'attachment; filename="images.tar"');
      if (request.method === 'HEAD') response.end();
      else await pipeline(exportBundle({ openImage, digestOf: catalogue.digestOf }, paths), response);
    })
    .all(onlyRead);
  return router;
}
