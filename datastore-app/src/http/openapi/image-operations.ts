// SPDX-License-Identifier: Apache-2.0
import {
  BINARY,
  jsonResponse,
  type Operation,
  type OperationResponse,
} from '@local-datastore/shared/http/operation';
import * as z from 'zod';
import { header, IMAGE_PATH, problems, query, read, write } from './describe.ts';
import { bytes, sha256 } from './scalars.ts';

export const publishedSchema = () => z.object({ path: z.string(), sizeBytes: bytes, sha256 });
const PUBLISHED = { name: 'Published', zod: publishedSchema };

const CONTENT = { mediaType: 'application/octet-stream', schema: BINARY };
const PATH = '/{path}';

const CONDITIONS = [
  header('If-Match', 'Only when the image is this one.'),
  header('If-None-Match', '`*`: only when there is none.'),
];
const DIGESTS = [
  header('Repr-Digest', 'RFC 9530, `sha-256=:…:`; other content is refused.'),
  header('X-Checksum-Sha256', '64 hexadecimal digits; other content is refused. Also -Sha512, -Sha1, -Md5.'),
  header('Digest', 'RFC 3230; other content is refused. Also Content-Digest and Content-MD5.'),
  query('empty', '`true`: an image of no bytes is meant.'),
];
const RANGES = [
  header('Range', 'One range of bytes.'),
  header('If-Range', 'ETag of what the client has; a date is never taken for proof.'),
];

const PUBLISH_RESPONSES: Readonly<Record<number, OperationResponse>> = {
  200: jsonResponse('Another image was replaced.', PUBLISHED),
  201: jsonResponse('The image is published.', PUBLISHED),
  ...problems(400, 403, 409, 412, 415, 507),
};

/** Of the images at their own paths. */
export const IMAGE_OPERATIONS: readonly Operation[] = [
  read({
    method: 'GET',
    path: PATH,
    summary: 'An image, whole or a range',
    parameters: [IMAGE_PATH, ...RANGES, ...CONDITIONS],
    responses: {
      200: { description: 'The image.', content: CONTENT },
      206: { description: 'The range.', content: CONTENT },
      304: { description: 'Not modified.' },
      ...problems(404, 412, 416, 503),
    },
  }),
  write({
    method: 'PUT',
    path: PATH,
    summary: 'Publish an image',
    parameters: [IMAGE_PATH, ...DIGESTS, ...CONDITIONS],
    request: CONTENT,
    responses: PUBLISH_RESPONSES,
  }),
  write({
    method: 'POST',
    path: PATH,
    summary: 'The same, as EVE sends collect-info',
    parameters: [IMAGE_PATH, ...DIGESTS],
    request: CONTENT,
    responses: PUBLISH_RESPONSES,
  }),
  write({
    method: 'DELETE',
    path: PATH,
    summary: 'Delete an image',
    parameters: [IMAGE_PATH],
    responses: { 204: { description: 'It is gone.' }, ...problems(403, 404, 409, 412) },
  }),
];
