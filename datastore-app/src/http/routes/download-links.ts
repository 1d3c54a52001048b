// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import * as z from 'zod';
import { type DownloadTickets, TICKET_PARAMETER } from '../../access/download-tickets.ts';
import { ARTIFACT_PREFIX, parseArtifactPath } from '../../container-images/disk-artifacts.ts';
import { imageReference, parseImagePath } from '../../images/image-path.ts';
import { IMAGE_PATH, problems, read } from '../openapi/describe.ts';
import type { RegistryGate } from '../registry-gate.ts';
import { createResource, type Resource } from '../resource.ts';
import { NO_SUCH_IMAGE } from '../store-problem.ts';

const LINKS = '/-/api/v1/download-links';

export const downloadLinkSchema = () => z.object({ url: z.string(), lifetimeSeconds: z.number() });

export interface DownloadLinkRoutesDeps {
  readonly tickets: DownloadTickets;
  /** Decides about disks of the registry; undefined: it is off. */
  readonly gate: RegistryGate | undefined;
}

/**
 * `/-/api/v1/download-links/{path}`: a link to an image that needs no credential for a while. Links cannot carry
 * one, and what a browser is taught for them it keeps until it is closed.
 */
export function createDownloadLinkRoutes({ tickets, gate }: DownloadLinkRoutesDeps): Resource {
  /** Whether a link may be given to whoever asks; who may not is answered. */
  async function mayHave(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
    if (!path.startsWith(ARTIFACT_PREFIX) || gate === undefined) return true;
    const artifact = parseArtifactPath(path);
    if (artifact === undefined) {
      sendProblem(response, NO_SUCH_IMAGE);
      return false;
    }
    const { repository, tag } = artifact;
    return (await gate(request, response, { action: 'pull', repository, reference: tag })) !== undefined;
  }

  return createResource([
    read({
      method: 'GET',
      path: `${LINKS}/{path}`,
      summary: 'A link to an image that needs no credential for a while',
      parameters: [IMAGE_PATH],
      responses: {
        200: jsonResponse('The link.', { name: 'DownloadLink', zod: downloadLinkSchema }),
        ...problems(403, 404),
      },
      async handle(request, response) {
        const path = parseImagePath(request.path.slice(LINKS.length));
        if (path === undefined) {
          sendProblem(response, NO_SUCH_IMAGE);
          return;
        }
        if (!(await mayHave(request, response, path))) return;
        const url = `/${imageReference(path)}?${TICKET_PARAMETER}=${tickets.issue(path)}`;
        response.json({ url, lifetimeSeconds: tickets.lifetimeSeconds });
      },
    }),
  ]);
}
