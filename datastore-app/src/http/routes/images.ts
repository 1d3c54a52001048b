// SPDX-License-Identifier: Apache-2.0
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Request } from 'express';
import * as z from 'zod';
import type { NoteChange } from '../../changes/change.ts';
import { ARTIFACT_PREFIX, artifactPath } from '../../container-images/disk-artifacts.ts';
import { toListedArtifact } from '../../eve/listed-artifact.ts';
import { type ListedImage, toListedImage } from '../../eve/listed-image.ts';
import { parseImagePath } from '../../images/image-path.ts';
import type { ImageStore } from '../../images/image-store.ts';
import type { ShownImage, ShownImages } from '../../upstream/images/shown-images.ts';
import { originOfWriter } from '../change-origin.ts';
import type { ListArtifacts } from '../list-artifacts.ts';
import { IMAGE_PATH, problems, read, write } from '../openapi/describe.ts';
import { bytes, sha256, time } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';
import { NO_SUCH_IMAGE } from '../store-problem.ts';

const IMAGES = '/-/api/v1/images';

export const imageSchema = () =>
  z.object({
    path: z.string().describe('Below the root, and the URL path without the first slash.'),
    sizeBytes: bytes,
    sha256: sha256.nullable().describe('null until it is hashed.'),
    state: z
      .enum(['hashing', 'ready', 'corrupt', 'upstream'])
      .describe('upstream: it is not here yet, and comes when it is asked for.'),
    upstream: z
      .object({
        name: z.string().describe('For people.'),
        receivedBytes: bytes.nullable().describe('null: it is not on its way.'),
        reason: z.string().nullable().describe('Why it could not be had lately.'),
      })
      .optional()
      .describe('Of an image that is not here yet: from where it comes.'),
    linkTo: z.string().optional().describe('Of a symbolic link: the path of the file to which it leads.'),
    nameForm: z
      .enum(['composed', 'decomposed', 'mixed'])
      .optional()
      .describe('Where another path looks the same: the Unicode form of this one.'),
    caseTwin: z
      .string()
      .optional()
      .describe('Where another path differs in upper and lower case alone: that one.'),
    isGrowing: z
      .boolean()
      .describe('It may not be complete: somebody has it open, or it was written to lately.'),
    hashedBytes: bytes,
    verifiedAt: time.nullable().describe('When all of it was last read and fitted; null: not yet.'),
    format: z.string().describe('By content: qcow2, vmdk, vhd, vhdx, ova, iso, raw, container.'),
    content: z.string().describe('What it is, in a word: the format, or such as vdi, gzip, html.'),
    virtualSizeBytes: bytes.nullable().describe('What a guest sees; null where the format does not say.'),
    warnings: z
      .array(z.object({ code: z.string(), message: z.string() }))
      .describe('What keeps EVE from using it as it is, and what to do.'),
    modified: time,
    isReleased: z.literal(true).optional().describe('It is not replaced, renamed or removed.'),
    artifact: z
      .object({
        repository: z.string(),
        tag: z.string(),
        flatPath: z.string().describe('Where its bytes can be had, whatever the tag leads to later.'),
      })
      .optional()
      .describe('Of a disk of the registry, `oci:REPOSITORY:TAG`.'),
  });

export const imagesSchema = () => z.object({ images: z.array(imageSchema()) });

export interface ImageRoutesDeps {
  readonly note: NoteChange;
  /** What is here, and what can come. */
  readonly shown: ShownImages;
  readonly store: ImageStore;
  /** Disks of the registry that a caller may pull. */
  readonly listArtifacts: ListArtifacts;
}

const pathOf = (request: Request) => parseImagePath(request.path.slice(IMAGES.length));

/** `/-/api/v1/images`: what is known of all images, and of one; DELETE removes one. */
export function createImageRoutes({ note, shown, store, listArtifacts }: ImageRoutesDeps): Resource {
  const listed = (image: ShownImage): ListedImage => {
    const isReleased = store.released.list().has(image.linkTo ?? image.path);
    return { ...toListedImage(image), ...(isReleased && { isReleased }) };
  };

  return createResource([
    read({
      method: 'GET',
      path: IMAGES,
      summary: 'All images',
      responses: {
        200: jsonResponse('By path.', { name: 'Images', zod: imagesSchema }),
        304: { description: 'Nothing changed.' },
      },
      async handle(request, response) {
        const { revision, artifacts } = await listArtifacts(request);
        const entityTag = `"${[shown.revision(), store.released.revision(), revision].filter(Boolean).join('-')}"`;
        // Whoever asks every second is answered in a line when nothing changed.
        response.set({ 'Cache-Control': 'no-cache', ETag: entityTag });
        if (request.headers['if-none-match'] === entityTag) response.status(304).end();
        else response.json({ images: [...shown.list().map(listed), ...artifacts.map(toListedArtifact)] });
      },
    }),
    read({
      method: 'GET',
      path: `${IMAGES}/{path}`,
      summary: 'One image',
      parameters: [IMAGE_PATH],
      responses: {
        200: jsonResponse('What is known of it.', { name: 'Image', zod: imageSchema }),
        ...problems(404),
      },
      async handle(request, response) {
        const path = pathOf(request);
        const image = path === undefined ? undefined : shown.find(path);
        if (image !== undefined) {
          response.json(listed(image));
          return;
        }
        const { artifacts } = path?.startsWith(ARTIFACT_PREFIX)
          ? await listArtifacts(request)
          : { artifacts: [] };
        const artifact = artifacts.find((each) => artifactPath(each) === path);
        if (artifact === undefined) sendProblem(response, NO_SUCH_IMAGE);
        else response.json(toListedArtifact(artifact));
      },
    }),
    write({
      method: 'DELETE',
      path: `${IMAGES}/{path}`,
      summary: 'Delete an image',
      parameters: [IMAGE_PATH],
      responses: { 204: { description: 'It is gone.' }, ...problems(403, 404, 409) },
      async handle(request, response) {
        const path = pathOf(request);
        if (path === undefined || !(await store.remove(path))) {
          sendProblem(response, NO_SUCH_IMAGE);
          return;
        }
        note(
          { action: 'deleted', image: path, ...originOfWriter(request), via: 'api' },
          'an image was deleted',
        );
        response.status(204).end();
      },
    }),
  ]);
}
