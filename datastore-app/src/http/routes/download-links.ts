import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import * as z from 'zod';
import { type DownloadTickets, TICKET_PARAMETER } from '../../access/download-tickets.ts';
import { imageReference, parseImagePath } from '../../images/image-path.ts';
import { IMAGE_PATH, problems, read } from '../openapi/describe.ts';
import { createResource, type Resource } from '../resource.ts';
import { NO_SUCH_IMAGE } from '../store-problem.ts';

const LINKS = '/-/api/v1/download-links';

export const downloadLinkSchema = () => z.object({ url: z.string(), lifetimeSeconds: z.number() });

export interface DownloadLinkRoutesDeps {
  readonly tickets: DownloadTickets;
}

/**
 * `/-/api/v1/download-links/{path}`: a link to an image that needs no credential for a while. Links cannot carry
 * one, and what a browser is taught for them it keeps until it is closed.
 */
export function createDownloadLinkRoutes({ tickets }: DownloadLinkRoutesDeps): Resource {
  return createResource([
    read({
      method: 'GET',
      path: `${LINKS}/{path}`,
      summary: 'A link to an image that needs no credential for a while',
      parameters: [IMAGE_PATH],
      responses: {
        200: jsonResponse('The link.', { name: 'DownloadLink', zod: downloadLinkSchema }),
        ...problems(404),
      },
      handle(request, response) {
        const path = parseImagePath(request.path.slice(LINKS.length));
        if (path === undefined) {
          sendProblem(response, NO_SUCH_IMAGE);
          return;
        }
        const url = `/${imageReference(path)}?${TICKET_PARAMETER}=${tickets.issue(path)}`;
        response.json({ url, lifetimeSeconds: tickets.lifetimeSeconds });
      },
    }),
  ]);
}
