// SPDX-License-Identifier: Apache-2.0
import { textResponse } from '@local-datastore/shared/http/operation';
import type { Log } from '@local-datastore/shared/log';
import type { LoadSite } from '@local-datastore/shared/web/load-sites';
import { createSiteOpener, sendAsset, sendDocument } from './answer-site.ts';
import { HttpError } from './http-error.ts';
import type { Route } from './router.ts';

/** Where the parts of the page are. */
export const PAGE_ASSET_PATH = '/page/';

export interface PageRoutesDeps {
  readonly log: Log;
  /** null: an operator has not opened it. */
  readonly loadPage: LoadSite | null;
}

/** The agent's web page at `/`, where it is opened, and its assets. */
export function createPageRoutes({ log, loadPage }: PageRoutesDeps): readonly Route[] {
  const load = createSiteOpener(loadPage, 'page', log);

  return [
    {
      method: 'GET',
      path: '/',
      summary: 'The web page, where the agent is started with --page',
      responses: { 200: textResponse('The page', 'text/html') },
      async handle({ request, response }) {
        sendDocument(request, response, (await load()).start);
      },
    },
    {
      method: 'GET',
      path: `${PAGE_ASSET_PATH}{name}`,
      summary: 'A part of the page',
      parameters: [{ in: 'path', name: 'name', description: 'with a digest of its content' }],
      responses: { 200: { description: 'The asset' } },
      async handle({ request, response, parameters }) {
        const asset = (await load()).assets.get(parameters.name ?? '');
        if (asset === undefined) throw new HttpError(404, 'The page has no such asset.');
        sendAsset(request, response, asset);
      },
    },
  ];
}
