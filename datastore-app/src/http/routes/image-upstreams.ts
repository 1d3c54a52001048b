// SPDX-License-Identifier: Apache-2.0
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Request } from 'express';
import * as z from 'zod';
import type { NoteChange } from '../../changes/change.ts';
import { toListedImage } from '../../eve/listed-image.ts';
import { parseImagePath } from '../../images/image-path.ts';
import type { ImageUpstreams } from '../../upstream/images/open-image-upstreams.ts';
import type { ShownImages } from '../../upstream/images/shown-images.ts';
import { originOfWriter } from '../change-origin.ts';
import { IMAGE_PATH, problems, read, write } from '../openapi/describe.ts';
import { bytes, sha256, time } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';
import { NO_SUCH_IMAGE } from '../store-problem.ts';
import { imageSchema } from './images.ts';

export const UPSTREAMS = '/-/api/v1/upstreams';
export const FETCH = '/-/api/v1/fetch';

export const imageUpstreamsSchema = () =>
  z.object({
    upstreams: z.array(
      z.object({
        prefix: z.string().describe('Below it its images stand here; empty: at the same paths.'),
        name: z.string().describe('For people.'),
        state: z.enum(['unasked', 'reachable', 'failing']),
        reason: z.string().nullable().describe('Why it fails.'),
        since: time.nullable(),
        listedAt: time.nullable().describe('When its list was last read, or found to be what it was.'),
        images: z.number().int().describe('That may be fetched from it.'),
        leftOut: z.number().int().describe('Entries of its list that cannot be used.'),
        leftOutReasons: z.array(z.string()).describe('Of the first few.'),
      }),
    ),
    fetches: z
      .array(
        z.object({ path: z.string(), sha256, receivedBytes: bytes, sizeBytes: bytes, upstream: z.string() }),
      )
      .describe('Images on their way here.'),
  });

export interface ImageUpstreamRoutesDeps {
  readonly upstreams: Pick<ImageUpstreams, 'status' | 'fetches' | 'refresh' | 'lookFor' | 'open'>;
  readonly shown: Pick<ShownImages, 'find'>;
  readonly note: NoteChange;
}

const pathOf = (request: Request) => parseImagePath(request.path.slice(FETCH.length));

/** `/-/api/v1/upstreams`: from where images come; `/-/api/v1/fetch/{path}`: let one come now. */
export function createImageUpstreamRoutes({ upstreams, shown, note }: ImageUpstreamRoutesDeps): Resource {
  const current = () => ({ upstreams: upstreams.status(), fetches: upstreams.fetches() });
  const answer = { name: 'ImageUpstreams', zod: imageUpstreamsSchema };

  return createResource([
    read({
      method: 'GET',
      path: UPSTREAMS,
      summary: 'From where images come when they are asked for, and which of them are coming',
      responses: { 200: jsonResponse('How it goes.', answer) },
      handle: (_request, response) => response.json(current()),
    }),
    write({
      method: 'POST',
      path: UPSTREAMS,
      summary: 'Ask all of them now what they have',
      responses: { 200: jsonResponse('How it goes then.', answer) },
      async handle(_request, response) {
        await upstreams.refresh();
        response.json(current());
      },
    }),
    write({
      method: 'POST',
      path: `${FETCH}/{path}`,
      summary: 'Let an image come now from its upstream',
      parameters: [IMAGE_PATH],
      responses: {
        200: jsonResponse('It is here.', { name: 'Image', zod: imageSchema }),
        202: jsonResponse('It is on its way.', { name: 'Image', zod: imageSchema }),
        ...problems(404, 409, 502, 507),
      },
      async handle(request, response) {
        const path = pathOf(request);
        const here = path === undefined ? undefined : shown.find(path);
        if (here !== undefined && here.state !== 'upstream') {
          response.json(toListedImage(here));
          return;
        }
        const distant = path === undefined ? undefined : await upstreams.lookFor(path);
        if (path === undefined || distant === undefined) {
          sendProblem(response, NO_SUCH_IMAGE);
          return;
        }
        // It comes to its end, though nobody reads it.
        (await upstreams.open(distant))?.close();
        note(
          { action: 'fetched', image: path, ...originOfWriter(request), via: 'api' },
          'an image was asked for from its upstream',
        );
        const image = shown.find(path);
        if (image === undefined) sendProblem(response, NO_SUCH_IMAGE);
        else response.status(image.state === 'upstream' ? 202 : 200).json(toListedImage(image));
      },
    }),
  ]);
}
