// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { BINARY, jsonResponse } from '@local-datastore/shared/http/operation';
import { refuse } from '@local-datastore/shared/http/refuse';
import * as z from 'zod';
import { noteBundled } from '../../bundles/note-bundled.ts';
import type { NoteChange } from '../../changes/change.ts';
import { verifiedContent } from '../../content/verified-content.ts';
import type { Catalogue } from '../../images/catalogue.ts';
import type { ImageStore } from '../../images/image-store.ts';
import type { OpenImage } from '../../images/open-image.ts';
import type { FileParser } from '../../parsing/file-parser.ts';
import { originOfWriter } from '../change-origin.ts';
import { problems, query, read, write } from '../openapi/describe.ts';
import { bytes, sha256 } from '../openapi/scalars.ts';
import { contentOf } from '../request-content.ts';
import { createResource, type Resource } from '../resource.ts';
import { decideUploadContent } from '../upload-content.ts';

export const importedSchema = () =>
  z.object({
    images: z.array(z.object({ path: z.string(), sizeBytes: bytes, sha256, outcome: z.string() })),
  });

const TAR = { mediaType: 'application/x-tar', schema: BINARY };

export interface BundleRoutesDeps {
  readonly note: NoteChange;
  readonly catalogue: Pick<Catalogue, 'list' | 'digestOf'>;
  readonly store: ImageStore;
  readonly openImage: (path: string) => OpenImage | undefined;
  /** Tells what bundles hold. */
  readonly parser: FileParser;
}

const queryOf = ({ url = '' }: IncomingMessage) => new URL(url, 'http://datastore.invalid').searchParams;

/** `POST /-/api/v1/import` takes a tar of images with SHA256SUMS; `GET /-/api/v1/export` gives one. */
export function createBundleRoutes({
  note,
  catalogue,
  store,
  openImage,
  parser,
}: BundleRoutesDeps): Resource {
  return createResource([
    write({
      method: 'POST',
      path: '/-/api/v1/import',
      summary: 'Publish the images of a tar with SHA256SUMS: all or none',
      parameters: [query('replace', '`true`: replace images of these names.')],
      request: TAR,
      responses: {
        200: jsonResponse('What was published.', { name: 'Imported', zod: importedSchema }),
        ...problems(400, 403, 409, 412, 415, 503, 507),
      },
      async handle(request, response) {
        const decided = decideUploadContent(request.headers, '/-/api/v1/import');
        if (decided.kind === 'refused') {
          refuse(request, response, decided.problem);
          return;
        }
        const replace = queryOf(request).get('replace') === 'true';
        const { importBundle } = await import('../../bundles/import-bundle.ts');
        const content = verifiedContent(contentOf(request, response), decided.digests);
        const images = await importBundle({ store, parser }, content, { replace });
        const origin = { ...originOfWriter(request), via: 'bundle' } as const;
        for (const image of images) noteBundled(note, image, origin);
        response.json({ images });
      },
    }),
    read({
      method: 'GET',
      path: '/-/api/v1/export',
      summary: 'A tar of images with SHA256SUMS',
      parameters: [query('path', 'An image or a folder; may be repeated. None: all.')],
      responses: { 200: { description: 'The tar.', content: TAR }, ...problems(404, 409) },
      async handle(request, response) {
        const { exportBundle, selectImages } = await import('../../bundles/export-bundle.ts');
        const paths = selectImages(
          catalogue.list().map(({ path }) => path),
          queryOf(request).getAll('path'),
        );
        response.setHeader('Content-Type', 'application/x-tar');
        response.setHeader('Content-Disposition', 'attachment; filename="images.tar"');
        if (request.method === 'HEAD') response.end();
        else await pipeline(exportBundle({ openImage, digestOf: catalogue.digestOf }, paths), response);
      },
    }),
  ]);
}
