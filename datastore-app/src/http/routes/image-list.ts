// SPDX-License-Identifier: Apache-2.0
import { textResponse } from '@local-datastore/shared/http/operation';
import type { LoadSite } from '@local-datastore/shared/web/load-sites';
import { DOCUMENT_HEADERS } from '@local-datastore/shared/web/site-answer';
import type { Places } from '../../access/places.ts';
import { toListedArtifact } from '../../eve/listed-artifact.ts';
import type { ShownImages } from '../../upstream/images/shown-images.ts';
import { imageListDocument, sheetOf } from '../../web/image-list-document.ts';
import type { ListArtifacts } from '../list-artifacts.ts';
import { query, read } from '../openapi/describe.ts';
import { createResource, type Resource } from '../resource.ts';
import { queryOf } from './repositories.ts';

export interface ImageListRoutesDeps {
  readonly shown: Pick<ShownImages, 'list'>;
  readonly listArtifacts: ListArtifacts;
  readonly places: Pick<Places, 'originFor'>;
  readonly loadPage: LoadSite;
}

/** `/-/list`: the images for browsers without JavaScript, whom the page leads there. */
export function createImageListRoutes(deps: ImageListRoutesDeps): Resource {
  const { shown, listArtifacts, places, loadPage } = deps;
  /** It is read without, too. */
  const stylesheet = async () => {
    const page = await loadPage().catch(() => undefined);
    const name = [...(page?.assets.keys() ?? [])].find((each) => each.endsWith('.css'));
    return name && `/-/assets/${name}`;
  };
  return createResource([
    read({
      method: 'GET',
      path: '/-/list',
      summary: 'The images, for browsers without JavaScript',
      parameters: [query('after', 'The path behind which the list begins.')],
      responses: { 200: textResponse('The list.', 'text/html') },
      async handle(request, response) {
        const { artifacts } = await listArtifacts(request);
        const images = [...shown.list(), ...artifacts.map(toListedArtifact)];
        const html = imageListDocument({
          ...sheetOf(images, queryOf(request).get('after') ?? undefined),
          origin: places.originFor(request),
          stylesheet: await stylesheet(),
        });
        response.set(DOCUMENT_HEADERS).type('html').send(html);
      },
    }),
  ]);
}
