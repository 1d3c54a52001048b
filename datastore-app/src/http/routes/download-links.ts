import { sendProblem } from '@local-datastore/shared/http/problem';
import { Router } from 'express';
import { type DownloadTickets, TICKET_PARAMETER } from '../../access/download-tickets.ts';
import { imageReference, parseImagePath } from '../../images/image-path.ts';
import { NO_SUCH_IMAGE } from '../store-problem.ts';
import { onlyRead } from './only-read.ts';

const LINKS = '/-/api/v1/download-links';

export interface DownloadLinkRoutesDeps {
  readonly tickets: DownloadTickets;
}

/**
 * `/-/api/v1/download-links/{path}`: a link to an image that needs no credential for a while. Links cannot carry
 * one, and what a browser is taught for them it keeps until it is closed.
 */
export function createDownloadLinkRoutes({ tickets }: DownloadLinkRoutesDeps): Router {
  const router = Router();
  router
    .route(`${LINKS}/*path`)
    .get((request, response) => {
      const path = parseImagePath(request.path.slice(LINKS.length));
      if (path === undefined) {
        sendProblem(response, NO_SUCH_IMAGE);
        return;
      }
      const url = `/${imageReference(path)}?${TICKET_PARAMETER}=${tickets.issue(path)}`;
      response.json({ url, lifetimeSeconds: tickets.lifetimeSeconds });
    })
    .all(onlyRead);
  return router;
}
