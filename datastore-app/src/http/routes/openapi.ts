import { Router } from 'express';
import { onlyRead } from './only-read.ts';

/** `/-/openapi.json`: the description of everything below `/-/` and of the images. */
export function createOpenapiRoutes({ version }: { readonly version: string }): Router {
  const router = Router();
  router
    .route('/-/openapi.json')
    .get(async (_request, response) => {
      const { openapiDocument } = await import('../openapi/document.ts');
      response.json(openapiDocument(version));
    })
    .all(onlyRead);
  return router;
}
