// SPDX-License-Identifier: Apache-2.0
import { BINARY, jsonResponse, type Parameter } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { sayContinue } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import type { NextFunction, Request, Response } from 'express';
import * as z from 'zod';
import type { Wish } from '../../access/policy.ts';
import type { UploadStatus, Uploads } from '../../uploads/uploads.ts';
import type { Authorize } from '../authorize.ts';
import { header, problems, write } from '../openapi/describe.ts';
import { bytes, sha256, time } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';
import type { TusHandler } from '../tus/tus-server.ts';

const UPLOADS = '/-/api/v1/uploads';
const UPLOAD = `${UPLOADS}/{id}`;
const TO_UPLOAD: Wish = { action: 'write', resource: { kind: 'uploads' } };

const uploadSchema = () =>
  z.object({
    id: z.string(),
    url: z.string(),
    path: z.string(),
    sizeBytes: bytes,
    receivedBytes: bytes,
    created: time,
    expires: time,
  });

export const uploadsSchema = () => z.object({ uploads: z.array(uploadSchema()) });

export const uploadStatusSchema = () =>
  uploadSchema().extend({
    isPublished: z.boolean(),
    sha256: sha256.nullable().optional(),
  });

// What is below an upload is refused as an upload that is not there.
const UPLOAD_ID: Parameter = {
  in: 'path',
  name: 'id',
  description: 'As Location said it.',
  mayHoldSlashes: true,
};
const TUS_RESUMABLE: Parameter = {
  ...header('Tus-Resumable', 'The version of the protocol.'),
  schema: { const: '1.0.0' },
};

export interface UploadRoutesDeps {
  readonly log: Log;
  readonly uploads: Uploads;
  readonly authorize: Authorize;
}

/** `/-/api/v1/uploads`: a list with GET, everything else by tus 1.0; all of it needs the write token. */
export function createUploadRoutes({ log, uploads, authorize }: UploadRoutesDeps): Resource {
  let tus: Promise<TusHandler> | undefined;

  /** @tus/server costs 20 MB and 70 ms: only who uploads pays. */
  async function loadTus(): Promise<TusHandler> {
    const { createTusHandler } = await import('../tus/tus-server.ts');
    return createTusHandler({ log, uploads }, { path: UPLOADS });
  }

  function toListed(status: UploadStatus) {
    const { id, path, sizeBytes, receivedBytes, created, changed } = status;
    const expires = new Date(changed.getTime() + uploads.expiryMs).toISOString();
    return { id, url: `${UPLOADS}/${id}`, path, sizeBytes, receivedBytes, created, expires };
  }

  /** Tells a client that waits for it to send: only where what it wants to send fits. */
  async function continueIfWanted(request: Request, response: Response): Promise<void> {
    if (request.headers.expect === undefined) return;
    if (request.method === 'PATCH') {
      const upload = await uploads.find(request.path.slice(UPLOADS.length + 1));
      if (String(upload?.receivedBytes) !== request.headers['upload-offset']) return;
    }
    sayContinue(request, response);
  }

  const requireToken = (request: Request, response: Response, next: NextFunction) => {
    // OPTIONS tells what the server can do, and nothing about uploads.
    if (request.method === 'OPTIONS' || authorize(request, response, TO_UPLOAD)) next();
  };

  const byTus = async (request: Request, response: Response) => {
    tus ??= loadTus();
    const handler = await tus;
    await continueIfWanted(request, response);
    await handler(request, response, request.path);
  };

  return createResource(
    [
      write({
        method: 'GET',
        path: UPLOADS,
        summary: 'Uploads that are not complete',
        responses: { 200: jsonResponse('By path.', { name: 'Uploads', zod: uploadsSchema }) },
        async handle(_request, response) {
          response.json({ uploads: (await uploads.list()).map(toListed) });
        },
      }),
      write({
        method: 'POST',
        path: UPLOADS,
        summary: 'Create an upload (tus 1.0)',
        parameters: [
          TUS_RESUMABLE,
          header('Upload-Length', 'Bytes of the image.'),
          header(
            'Upload-Metadata',
            'tus: `path` (or `filename`), optional `sha256`, `replace` and `empty` ("true"), values in base64.',
          ),
        ],
        responses: {
          201: { description: 'Location says where to send it.' },
          ...problems(400, 403, 409, 412, 507),
        },
        handle: byTus,
      }),
      write({
        method: 'GET',
        path: UPLOAD,
        summary: 'One upload',
        parameters: [UPLOAD_ID],
        responses: {
          200: jsonResponse('How far it is.', { name: 'UploadStatus', zod: uploadStatusSchema }),
          ...problems(404),
        },
        async handle(request, response) {
          const status = await uploads.find(request.path.slice(UPLOADS.length + 1));
          if (status === undefined)
            sendProblem(response, { status: 404, detail: 'There is no such upload.' });
          else
            response.json({
              ...toListed(status),
              isPublished: status.isPublished,
              sha256: status.verifiedSha256,
            });
        },
      }),
      write({
        method: 'HEAD',
        path: UPLOAD,
        summary: 'How far it is (tus 1.0)',
        parameters: [UPLOAD_ID, TUS_RESUMABLE],
        responses: { 200: { description: 'Upload-Offset says it.' } },
        handle: byTus,
      }),
      write({
        method: 'PATCH',
        path: UPLOAD,
        summary: 'Send the next bytes (tus 1.0); the last of them publish the image',
        parameters: [UPLOAD_ID, TUS_RESUMABLE, header('Upload-Offset', 'Bytes sent before.')],
        request: { mediaType: 'application/offset+octet-stream', schema: BINARY },
        responses: { 204: { description: 'They are stored.' }, ...problems(400, 403, 404, 409, 412, 507) },
        handle: byTus,
      }),
      write({
        method: 'DELETE',
        path: UPLOAD,
        summary: 'Cancel an upload (tus 1.0)',
        parameters: [UPLOAD_ID, TUS_RESUMABLE],
        responses: { 204: { description: 'It is gone.' }, ...problems(404) },
        handle: byTus,
      }),
    ],
    { before: requireToken, otherwise: byTus },
  );
}
