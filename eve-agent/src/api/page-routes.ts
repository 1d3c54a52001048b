// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage } from '@local-datastore/shared/errors';
import { textResponse } from '@local-datastore/shared/http/operation';
import type { Log } from '@local-datastore/shared/log';
import { assetAnswer, documentAnswer, type PageAnswer } from '@local-datastore/shared/web/page-answer';
import type { Page } from '@local-datastore/shared/web/page-files';
import { HttpError } from './http-error.ts';
import type { Route } from './router.ts';

/** Where the parts of the page are. */
export const PAGE_ASSET_PATH = '/page/';

export interface PageRoutesDeps {
  readonly log: Log;
  /** null: an operator has not opened it. */
  readonly loadPage: (() => Promise<Page>) | null;
}

/** What a client takes of `gzip` and `br` (RFC 9110 §12.5.3): what it gives the weight 0 it does not. */
export function takenCodings(header: string | string[] | undefined): ReadonlySet<string> {
  const wishes = String(header ?? '').split(',');
  return new Set(
    wishes.flatMap((wish) => {
      const [coding = '', ...parameters] = wish.split(';').map((part) => part.trim().toLowerCase());
      return parameters.some((each) => /^q=0(?:\.0*)?$/.test(each)) ? [] : [coding];
    }),
  );
}

const isKnown = (request: IncomingMessage, entityTag: string) =>
  (request.headers['if-none-match'] ?? '')
    .split(',')
    .some((tag) => tag.trim().replace(/^W\//, '') === entityTag);

function send(response: ServerResponse, { headers, content }: PageAnswer): void {
  response.writeHead(200, {
    ...headers,
    'Content-Length': content.length,
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(content);
}

/** The agent's web page at `/`, where it is opened, and its assets. */
export function createPageRoutes({ log, loadPage }: PageRoutesDeps): readonly Route[] {
  /** @throws HttpError */
  async function load(): Promise<Page> {
    if (loadPage === null) {
      throw new HttpError(
        404,
        'The page is off: start the agent with --page (EVE_AGENT_PAGE); /openapi.json lists what there is.',
      );
    }
    try {
      return await loadPage();
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'the web page cannot be loaded');
      throw new HttpError(503, 'The web page cannot be loaded; the log says why. The API works.');
    }
  }

  return [
    {
      method: 'GET',
      path: '/',
      summary: 'The web page, where the agent is started with --page',
      responses: { 200: textResponse('The page', 'text/html') },
      async handle({ request, response }) {
        const { entityTag, ...answer } = documentAnswer(await load());
        if (!isKnown(request, entityTag)) return send(response, answer);
        response.writeHead(304, answer.headers).end();
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
        send(response, assetAnswer(asset, takenCodings(request.headers['accept-encoding'])));
      },
    },
  ];
}
