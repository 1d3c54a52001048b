// SPDX-License-Identifier: Apache-2.0
import { textResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import type { LoadSite } from '@local-datastore/shared/web/load-sites';
import { open, problems } from '../openapi/describe.ts';
import { createResource, type Resource } from '../resource.ts';
import { createSiteOpener, sendAsset, sendDocument } from './answer-site.ts';

export interface PageRoutesDeps {
  readonly log: Log;
  readonly loadPage: LoadSite;
}

const PLAIN_TEXT = `This is a local datastore for EVE-OS. A browser shows more at this address.

Images are at their own path: GET /<path>
All images, with size and sha256: GET /-/api/v1/images; for text browsers /-/list
What is advertised and where: GET /-/api/v1/status
How an image is registered with a controller: GET /-/api/v1/eve/<path>
Add an image: curl -T FILE -H "Authorization: Bearer TOKEN" <this host>/<path>
(\`datastore-app token\` prints the token.)
`;

/** The web page at `/-/`, to which `GET /` leads, and its assets; what is no browser gets plain text. */
export function createPageRoutes({ log, loadPage }: PageRoutesDeps): Resource {
  const tryLoad = createSiteOpener(loadPage, 'page', log);

  return createResource([
    open({
      method: 'GET',
      path: '/',
      summary: 'Leads to the page',
      responses: { 302: { description: 'To /-/.' } },
      handle: (_request, response) => response.redirect(302, '/-/'),
    }),
    open({
      method: 'GET',
      path: '/-/',
      summary: 'The web page; text for others than browsers',
      responses: { 200: textResponse('The page.', 'text/html') },
      async handle(request, response) {
        response.vary('Accept');
        // `*/*` alone, as curl sends it, prefers nothing: it gets the first.
        if (request.accepts(['text/plain', 'text/html']) !== 'text/html') {
          response.type('text/plain').send(PLAIN_TEXT);
          return;
        }
        const page = await tryLoad(response);
        if (page !== undefined) sendDocument(request, response, page.start);
      },
    }),
    open({
      method: 'GET',
      path: '/-/assets/{name}',
      summary: 'A part of the page',
      parameters: [{ in: 'path', name: 'name', description: 'With a digest of its content.' }],
      responses: { 200: { description: 'The asset.' }, ...problems(404) },
      async handle(request, response) {
        const page = await tryLoad(response);
        if (page === undefined) return;
        const asset = page.assets.get(String(request.params.name));
        if (asset === undefined) {
          sendProblem(response, { status: 404, detail: 'The page has no such asset.' });
        } else {
          sendAsset(request, response, asset);
        }
      },
    }),
  ]);
}
