import { jsonResponse } from '@local-datastore/shared/http/operation';
import type { Request, Response } from 'express';
import * as z from 'zod';
import type { OpenUpstreams } from '../../upstream/open-upstreams.ts';
import type { Authorize } from '../authorize.ts';
import { write } from '../openapi/describe.ts';
import { bytes, time } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';

export const upstreamsSchema = () =>
  z.object({
    upstreams: z.array(
      z.object({
        prefix: z.string(),
        url: z.string().describe('Scheme, host and port.'),
        state: z.enum(['unasked', 'reachable', 'failing']),
        reason: z.string().nullable().describe('Why it fails.'),
        since: time.nullable(),
      }),
    ),
    imports: z
      .array(z.object({ digest: z.string(), repository: z.string(), receivedBytes: bytes, sizeBytes: bytes }))
      .describe('Blobs that are on their way.'),
  });

/** `GET /-/api/v1/registry/upstreams`: how upstreams do. For who may write alone: it names private repositories. */
export function createRegistryUpstreamsRoutes({
  upstreams,
  authorize,
}: {
  readonly upstreams: Pick<OpenUpstreams, 'status' | 'imports'>;
  readonly authorize: Authorize;
}): Resource {
  const routes = [
    write({
      method: 'GET',
      path: '/-/api/v1/registry/upstreams',
      summary: 'The registries from which images are imported, and what is coming from them',
      responses: { 200: jsonResponse('How they do.', { name: 'Upstreams', zod: upstreamsSchema }) },
      handle(_request: Request, response: Response) {
        response.json({ upstreams: upstreams.status(), imports: upstreams.imports() });
      },
    }),
  ];
  return createResource(routes, {
    before(request, response, next) {
      const wish = { action: 'write', resource: { kind: 'own' } } as const;
      if (authorize(request, response, wish)) next();
    },
  });
}
