// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { refuse } from '@local-datastore/shared/http/refuse';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import * as z from 'zod';
import { MAX_LIST_BYTES, MAX_SET_BLOBS } from '../../archive-imports/image-set.ts';
import type { Importer } from '../../archive-imports/importer.ts';
import { inventorySchema } from '../../archive-imports/inventory.ts';
import type { BlobInfo } from '../../blobs/registry-store.ts';
import { readBounded } from '../bounded-body.ts';
import { granted, problems } from '../openapi/describe.ts';
import { REGISTRY_API, type RegistryGate } from '../registry-gate.ts';
import { createResource, type Resource } from '../resource.ts';
import { REGISTRY_OFF } from './repositories.ts';

const blobsSchema = (maxBlobs: number) =>
  z
    .array(
      z.object({
        digest: z.string().refine((text) => parseOciDigest(text) !== undefined, 'no digest'),
        sizeBytes: z.number().int().nonnegative(),
      }),
    )
    .max(maxBlobs);
export const missingSchema = () => z.object({ missing: blobsSchema(MAX_SET_BLOBS * 2) });
const wantedSchema = () => z.object({ blobs: blobsSchema(MAX_SET_BLOBS * 2) });

export interface InventoryRoutesDeps {
  readonly gate: RegistryGate;
  readonly importer: Pick<Importer, 'findMissing'>;
  inventory(mayPull: (repository: string) => boolean): AsyncIterable<BlobInfo>;
}

const toDocument = ({ digest, sizeBytes }: BlobInfo) => ({ digest: formatDigest(digest), sizeBytes });

/** A line for each blob: what is on the way is never all in memory. */
async function* inventoryText(blobs: AsyncIterable<BlobInfo>): AsyncGenerator<string> {
  yield '{"version":1,"blobs":[';
  let separator = '\n';
  for await (const blob of blobs) {
    yield `${separator}${JSON.stringify(toDocument(blob))}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}

/** The blobs that a document asks for; undefined where it is something else. */
function parseWanted(body: Buffer): BlobInfo[] | undefined {
  try {
    return wantedSchema()
      .parse(JSON.parse(body.toString()))
      .blobs.map(({ digest, sizeBytes }) => ({ digest: parseOciDigest(digest) as OciDigest, sizeBytes }));
  } catch {
    return undefined;
  }
}

/**
 * `/-/api/v1/registry/inventory` and `/-/api/v1/registry/import/missing`: what is here, and what an import would have
 * to bring.
 *
 * @param known undefined: the registry is off
 */
export function createInventoryRoutes(known: InventoryRoutesDeps | undefined): Resource {
  return createResource([
    granted({
      method: 'GET',
      path: `${REGISTRY_API}/inventory`,
      summary: 'Configs and layers that are here, as far as the caller may pull all of their repository',
      responses: {
        200: jsonResponse('What an export may leave out.', { name: 'Inventory', zod: inventorySchema }),
        ...problems(404),
      },
      async handle(request, response) {
        if (known === undefined) {
          sendProblem(response, REGISTRY_OFF);
          return;
        }
        const allowed = await known.gate(request, response, { action: 'catalog', repository: undefined });
        if (allowed === undefined) return;
        response.setHeader('Content-Type', 'application/json');
        if (request.method === 'HEAD') {
          response.end();
          return;
        }
        const blobs = known.inventory((repository) => allowed.may('pull', repository));
        await pipeline(Readable.from(inventoryText(blobs)), response);
      },
    }),
    granted({
      method: 'POST',
      path: `${REGISTRY_API}/import/missing`,
      summary: 'Which of some blobs an import would have to bring',
      request: {
        mediaType: 'application/json',
        schema: { name: 'WantedBlobs', zod: wantedSchema },
      },
      responses: {
        200: jsonResponse('Those that the caller has not brought, and may pull from nowhere.', {
          name: 'MissingBlobs',
          zod: missingSchema,
        }),
        ...problems(400, 404, 413),
      },
      async handle(request, response) {
        if (known === undefined) {
          sendProblem(response, REGISTRY_OFF);
          return;
        }
        const allowed = await known.gate(request, response, { action: 'push', repository: undefined });
        if (allowed === undefined) return;
        const body = await readBounded(request, response, MAX_LIST_BYTES);
        if (body === undefined) {
          refuse(request, response, { status: 413, detail: `At most ${MAX_LIST_BYTES} bytes are taken.` });
          return;
        }
        const wanted = parseWanted(body);
        if (wanted === undefined) {
          const detail = 'A JSON document {"blobs": [{"digest": "sha256:…", "sizeBytes": 1}]} is expected.';
          sendProblem(response, { status: 400, detail });
          return;
        }
        const missing = await known.importer.findMissing(wanted, allowed);
        response.json({ missing: missing.map(toDocument) });
      },
    }),
  ]);
}
