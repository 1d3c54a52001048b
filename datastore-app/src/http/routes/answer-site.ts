// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import type { LoadSite } from '@local-datastore/shared/web/load-sites';
import type { Site, SiteFile } from '@local-datastore/shared/web/site';
import { assetAnswer, documentAnswer } from '@local-datastore/shared/web/site-answer';
import type { Request, Response } from 'express';

const codingsOf = (request: Request): ReadonlySet<string> => new Set(request.acceptsEncodings());

/** Sends a document, or that it is still the one that the browser has. */
export function sendDocument(request: Request, response: Response, document: SiteFile): void {
  const { headers, content } = documentAnswer(document, codingsOf(request));
  const { Vary, ...others } = headers;
  response.set(others).vary(Vary ?? '');
  if (request.fresh) response.status(304).end();
  else response.send(content);
}

/** Sends an asset in the smallest form that the browser takes. */
export function sendAsset(request: Request, response: Response, asset: SiteFile): void {
  const { headers, content } = assetAnswer(asset, codingsOf(request));
  response.set(headers).send(content);
}

/**
 * Makes of what loads a site what answers, and returns undefined, when it cannot be loaded.
 *
 * @param what as `page`
 */
export function createSiteOpener(
  load: LoadSite,
  what: string,
  log: Log,
): (response: Response) => Promise<Site | undefined> {
  return async (response) => {
    try {
      return await load();
    } catch (error) {
      log.error({ reason: errorMessage(error) }, `the web ${what} cannot be loaded`);
      const detail = `The web ${what} cannot be loaded; the log says why. The API under /-/api/v1/ works.`;
      sendProblem(response, { status: 503, detail });
      return undefined;
    }
  };
}
