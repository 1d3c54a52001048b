// SPDX-License-Identifier: Apache-2.0
import { textResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import type { LoadSite } from '@local-datastore/shared/web/load-sites';
import { open, problems } from '../openapi/describe.ts';
import { createResource, type Resource } from '../resource.ts';
import { createSiteOpener, sendAsset, sendDocument } from './answer-site.ts';

export interface ManualRoutesDeps {
  readonly log: Log;
  readonly loadManual: LoadSite;
}

const MANUAL_PATH = '/-/manual/';

/** The manual at `/-/manual/`: documents that need no script, and their pictures and styles beside them. */
export function createManualRoutes({ log, loadManual }: ManualRoutesDeps): Resource {
  const tryLoad = createSiteOpener(loadManual, 'manual', log);

  return createResource([
    open({
      method: 'GET',
      path: MANUAL_PATH,
      summary: 'The manual, which needs no network beside the datastore',
      responses: { 200: textResponse('Its first page.', 'text/html') },
      async handle(request, response) {
        // The router takes the path without the slash at its end for the same, from which links would lead elsewhere.
        if (request.path !== MANUAL_PATH) return response.redirect(302, MANUAL_PATH);
        const manual = await tryLoad(response);
        if (manual !== undefined) sendDocument(request, response, manual.start);
      },
    }),
    open({
      method: 'GET',
      path: `${MANUAL_PATH}{name}`,
      summary: 'A page of the manual, or a picture of it',
      parameters: [{ in: 'path', name: 'name', description: 'As `install.html`.' }],
      responses: { 200: { description: 'The page or picture.' }, ...problems(404) },
      async handle(request, response) {
        const manual = await tryLoad(response);
        if (manual === undefined) return;
        const name = String(request.params.name);
        const [document, asset] = [manual.documents.get(name), manual.assets.get(name)];
        if (document !== undefined) sendDocument(request, response, document);
        else if (asset !== undefined) sendAsset(request, response, asset);
        else
          sendProblem(response, {
            status: 404,
            detail: `The manual has no such page; ${MANUAL_PATH} lists all.`,
          });
      },
    }),
  ]);
}
