// SPDX-License-Identifier: Apache-2.0
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import * as z from 'zod';
import type { OpenUpstreams } from '../../upstream/open-upstreams.ts';
import { granted, problems } from '../openapi/describe.ts';
import { bytes, time } from '../openapi/scalars.ts';
import { REGISTRY_API, type RegistryGate } from '../registry-gate.ts';
import { createResource, type Resource } from '../resource.ts';
import { REGISTRY_OFF } from './repositories.ts';

export const upstreamsSchema = () =>
  z.object({
    upstreams: z.array(
      z.object({
        prefix: z.string().describe('Below it its repositories are shown.'),
        url: z.string().describe('Scheme, host and port.'),
        state: z.enum(['unasked', 'reachable', 'failing']),
        reason: z.string().nullable().describe('Why it fails.'),
        since: time.nullable(),
      }),
    ),
    imports: z
      .array(z.object({ digest: z.string(), repository: z.string(), receivedBytes: bytes, sizeBytes: bytes }))
      .describe('Blobs on their way here, as far as the caller may pull them.'),
  });

export interface UpstreamRoutesDeps {
  readonly gate: RegistryGate;
  readonly upstreams: Pick<OpenUpstreams, 'status' | 'imports'>;
}

/**
 * `/-/api/v1/registry/upstreams`: where images come from when they are asked for, and which of them are coming.
 *
 * @param known undefined: the registry is off
 */
export function createUpstreamRoutes(known: UpstreamRoutesDeps | undefined): Resource {
  return createResource([
    granted({
      method: 'GET',
      path: `${REGISTRY_API}/upstreams`,
      summary: 'The registries from which images are imported, and the imports that run',
      responses: {
        200: jsonResponse('How it goes.', { name: 'Upstreams', zod: upstreamsSchema }),
        ...problems(404),
      },
      async handle(request, response) {
        if (known === undefined) {
          sendProblem(response, REGISTRY_OFF);
          return;
        }
        const { gate, upstreams } = known;
        const allowed = await gate(request, response, { action: 'catalog', repository: undefined });
        if (allowed === undefined) return;
        response.json({
          upstreams: upstreams.status(),
          imports: upstreams.imports().filter(({ repository }) => allowed.may('pull', repository)),
        });
      },
    }),
  ]);
}
