// SPDX-License-Identifier: Apache-2.0
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { type Problem, sendProblem } from '@local-datastore/shared/http/problem';
import * as z from 'zod';
import type { Collection } from '../../blobs/collection.ts';
import type { NoteChange } from '../../changes/change.ts';
import { originOfWriter } from '../change-origin.ts';
import { problems, query, write } from '../openapi/describe.ts';
import { bytes } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';

const PATH = '/-/api/v1/registry/gc';
const REGISTRY_OFF: Problem = { status: 404, detail: 'The registry is off (--registry).' };

export const collectedSchema = () =>
  z.object({
    sentences: z.array(z.string()).describe('The whole in plain words.'),
    manifests: z
      .array(z.object({ repository: z.string(), digest: z.string() }))
      .describe('Without a tag, and due: removed.'),
    blobs: z.number().int().describe('Of no image: moved to the trash.'),
    blobBytes: bytes,
    paused: z.string().nullable().describe('Why nothing is collected at all.'),
  });

export interface RegistryCollectionRoutesDeps {
  /** undefined: the registry is off. */
  collection(): Collection | undefined;
  readonly note: NoteChange;
}

/**
 * `/-/api/v1/registry/gc`: says what a collection would take, and collects with `apply=true`. Both are for who may
 * write alone: the answer names repositories that not everybody may see.
 */
export function createRegistryCollectionRoutes({ collection, note }: RegistryCollectionRoutesDeps): Resource {
  return createResource([
    write({
      method: 'POST',
      path: PATH,
      summary: 'Collect what belongs to no image of the registry, or say what would be collected',
      parameters: [query('apply', '`true`: collect. Otherwise it is only said what would go.')],
      responses: {
        200: jsonResponse('What went, or would go.', { name: 'Collected', zod: collectedSchema }),
        ...problems(404),
      },
      async handle(request, response) {
        const found = collection();
        if (found === undefined) {
          sendProblem(response, REGISTRY_OFF);
          return;
        }
        const { searchParams } = new URL(request.url, 'http://datastore.invalid');
        const isApplied = searchParams.get('apply') === 'true';
        const collected = isApplied ? await found.run() : found.plan();
        if (isApplied && (collected.blobs > 0 || collected.manifests.length > 0)) {
          note(
            {
              ...{ action: 'collected', count: collected.manifests.length + collected.blobs },
              ...{ sizeBytes: collected.blobBytes, ...originOfWriter(request), via: 'api' },
            },
            'what belonged to no image was collected',
          );
        }
        response.json({ ...collected, paused: collected.paused ?? null });
      },
    }),
  ]);
}
