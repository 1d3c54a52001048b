// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import type { LoadSite } from '@local-datastore/shared/web/load-sites';
import { createSiteOpener, sendAsset, sendDocument } from './answer-site.ts';
import { HttpError } from './http-error.ts';
import type { Route } from './router.ts';

export interface ManualRoutesDeps {
  readonly log: Log;
  /** null: an operator has not opened the page, which it belongs to. */
  readonly loadManual: LoadSite | null;
}

const MANUAL_PATH = '/manual/';

/** The agent's manual, where the page is opened: documents, and their pictures and styles beside them. */
export function createManualRoutes({ log, loadManual }: ManualRoutesDeps): readonly Route[] {
  const load = createSiteOpener(loadManual, 'manual', log);

  return [
    {
      method: 'GET',
      path: MANUAL_PATH.slice(0, -1),
      summary: 'Leads to the manual',
      responses: { 302: { description: `To ${MANUAL_PATH}` } },
      handle({ response }) {
        response.writeHead(302, { Location: MANUAL_PATH, 'Content-Length': 0 }).end();
      },
    },
    {
      method: 'GET',
      path: `${MANUAL_PATH}{name}`,
      summary: 'The manual, where the agent is started with --page: a page of it, or a picture',
      parameters: [{ in: 'path', name: 'name', description: 'as `install.html`; nothing: the first page' }],
      responses: { 200: { description: 'The page or picture' } },
      async handle({ request, response, parameters: { name = '' } }) {
        const manual = await load();
        const document = name === '' ? manual.start : manual.documents.get(name);
        const asset = manual.assets.get(name);
        if (document !== undefined) return sendDocument(request, response, document);
        if (asset !== undefined) return sendAsset(request, response, asset);
        throw new HttpError(404, `The manual has no such page; ${MANUAL_PATH} lists all.`);
      },
    },
  ];
}
