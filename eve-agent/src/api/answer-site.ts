// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { LoadSite } from '@local-datastore/shared/web/load-sites';
import type { SiteFile } from '@local-datastore/shared/web/site';
import { assetAnswer, documentAnswer, type SiteAnswer } from '@local-datastore/shared/web/site-answer';
import { HttpError } from './http-error.ts';

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

const codingsOf = (request: IncomingMessage) => takenCodings(request.headers['accept-encoding']);

const isKnown = (request: IncomingMessage, entityTag: string) =>
  (request.headers['if-none-match'] ?? '')
    .split(',')
    .some((tag) => tag.trim().replace(/^W\//, '') === entityTag);

function send(response: ServerResponse, { headers, content }: SiteAnswer): void {
  response.writeHead(200, {
    ...headers,
    'Content-Length': content.length,
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(content);
}

/** Sends a document, or that it is still the one that the browser has. */
export function sendDocument(request: IncomingMessage, response: ServerResponse, document: SiteFile): void {
  const { entityTag, ...answer } = documentAnswer(document, codingsOf(request));
  if (isKnown(request, entityTag)) response.writeHead(304, answer.headers).end();
  else send(response, answer);
}

/** Sends an asset in the smallest form that the browser takes. */
export function sendAsset(request: IncomingMessage, response: ServerResponse, asset: SiteFile): void {
  send(response, assetAnswer(asset, codingsOf(request)));
}

/**
 * Makes of what loads a site what says why it cannot, as an HttpError.
 *
 * @param load null: an operator has not opened the page, which the manual belongs to
 * @param what as `page`
 */
export function createSiteOpener(load: LoadSite | null, what: string, log: Log): LoadSite {
  return async () => {
    if (load === null) {
      throw new HttpError(
        404,
        'The page is off: start the agent with --page (EVE_AGENT_PAGE); /openapi.json lists what there is.',
      );
    }
    try {
      return await load();
    } catch (error) {
      log.error({ reason: errorMessage(error) }, `the web ${what} cannot be loaded`);
      throw new HttpError(503, `The web ${what} cannot be loaded; the log says why. The API works.`);
    }
  };
}
