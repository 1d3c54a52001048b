// SPDX-License-Identifier: Apache-2.0
import {
  BINARY,
  jsonResponse,
  type Operation,
  type OperationResponse,
  type Parameter,
} from '@local-datastore/shared/http/operation';
import { OCI_INDEX } from '@local-datastore/shared/oci/media-types';
import * as z from 'zod';
import { header, query } from './describe.ts';

export const registryErrorsSchema = () =>
  z.object({
    errors: z.array(z.object({ code: z.string(), message: z.string(), detail: z.unknown().optional() })),
  });
const pageSchema = z.array(z.string());
export const tagsSchema = () => z.object({ name: z.string(), tags: pageSchema });
export const repositoriesSchema = () => z.object({ repositories: pageSchema });

const REFUSAL = { name: 'RegistryErrors', zod: registryErrorsSchema };
const REFUSALS = {
  400: jsonResponse('A name, digest or manifest cannot be so, or is not what was promised.', REFUSAL),
  401: jsonResponse('A token is needed: `WWW-Authenticate` says where one is had, and for what.', REFUSAL),
  403: jsonResponse('What is asked for is not granted.', REFUSAL),
  404: jsonResponse('There is no such repository, manifest, blob or upload.', REFUSAL),
  405: jsonResponse('It is done to no such thing.', REFUSAL),
  413: jsonResponse('It is larger than manifests are.', REFUSAL),
  416: jsonResponse('It is not what comes next: `Range` says what is there.', REFUSAL),
  429: jsonResponse('Too many wrong credentials, or too much at a time.', REFUSAL),
  507: jsonResponse('It would fill the volume or the quota.', REFUSAL),
} as const;

const NAME: Parameter = {
  in: 'path',
  name: 'name',
  description: 'Of the repository; may hold slashes.',
  mayHoldSlashes: true,
};
const path = (name: string, description: string): Parameter => ({ in: 'path', name, description });
const REFERENCE = path('reference', 'A tag or a digest.');
const DIGEST = path('digest', '`sha256:…` or `sha512:…`.');
const UPLOAD = path('id', 'Of the upload; it stands in the `Location` that began it.');
const PAGE = [query('n', 'At most so many.'), query('last', 'Only names behind this one.')];
const CONTENT = { mediaType: 'application/octet-stream', schema: BINARY };
const MANIFEST = { mediaType: 'application/vnd.oci.image.manifest.v1+json' };

/** An operation for whoever has a token; to read, anybody while reading is open. */
const operation = (
  described: Omit<Operation, 'responses'>,
  responses: Readonly<Record<number, OperationResponse>>,
  ...refusals: readonly (keyof typeof REFUSALS)[]
): Operation => ({
  ...described,
  security: [...(described.method === 'GET' && described.path !== '/v2/' ? [{}] : []), { bearer: [] }],
  responses: {
    ...responses,
    ...Object.fromEntries([401, 403, 429, ...refusals].map((status) => [status, REFUSALS[status as 401]])),
  },
});

const BLOBS = '/v2/{name}/blobs';
const UPLOADS = `${BLOBS}/uploads/`;
const MANIFESTS = '/v2/{name}/manifests/{reference}';
const BEGUN = { description: 'The upload goes on at `Location`.' };
const STORED = { description: 'It is stored.' };

/** Of the registry (OCI distribution specification 1.1); the numbers of its table stand beside. */
export const REGISTRY_OPERATIONS: readonly Operation[] = [
  // end-1
  operation(
    { method: 'GET', path: '/v2/', summary: 'Whether a token is good' },
    { 200: jsonResponse('It is.') },
  ),
  operation(
    { method: 'GET', path: '/v2/_catalog', summary: 'The repositories that may be seen', parameters: PAGE },
    {
      200: jsonResponse('A page; `Link` leads to the next.', {
        name: 'Repositories',
        zod: repositoriesSchema,
      }),
    },
    400,
  ),
  // end-2
  operation(
    {
      ...{ method: 'GET', path: `${BLOBS}/{digest}`, summary: 'A blob, whole or a range' },
      parameters: [NAME, DIGEST, header('Range', 'One range of bytes.')],
    },
    {
      200: { description: 'The blob.', content: CONTENT },
      206: { description: 'The range.', content: CONTENT },
      304: { description: 'Not modified.' },
    },
    400,
    404,
    416,
  ),
  // end-10
  operation(
    {
      ...{ method: 'DELETE', path: `${BLOBS}/{digest}`, parameters: [NAME, DIGEST] },
      summary: 'Delete a blob that no manifest of the repository needs',
    },
    { 202: { description: 'It is gone.' } },
    404,
    405,
  ),
  // end-4a, 4b, 11
  operation(
    {
      ...{ method: 'POST', path: UPLOADS, summary: 'Begin an upload, push a blob at once, or mount one' },
      parameters: [
        NAME,
        query('digest', 'Of the blob that the body is.'),
        query('mount', 'Digest of a blob of another repository.'),
        query('from', 'That repository.'),
        query('digest-algorithm', '`sha256` or `sha512`.'),
      ],
      request: CONTENT,
    },
    { 201: STORED, 202: BEGUN },
    400,
    405,
    507,
  ),
  // end-5
  operation(
    {
      ...{ method: 'PATCH', path: `${UPLOADS}{id}`, summary: 'The next chunk of an upload' },
      parameters: [NAME, UPLOAD, header('Content-Range', 'Where it stands, such as `0-1023`.')],
      request: CONTENT,
    },
    { 202: BEGUN },
    400,
    404,
    416,
    507,
  ),
  // end-6
  operation(
    {
      ...{ method: 'PUT', path: `${UPLOADS}{id}`, summary: 'End an upload, with the last chunk or none' },
      parameters: [NAME, UPLOAD, query('digest', 'Of the whole blob.')],
      request: CONTENT,
    },
    { 201: STORED },
    400,
    404,
    416,
    507,
  ),
  // end-13, 14
  operation(
    {
      ...{ method: 'GET', path: `${UPLOADS}{id}`, summary: 'How far an upload is' },
      parameters: [NAME, UPLOAD],
    },
    { 204: { description: '`Range` says what is there.' } },
    404,
  ),
  operation(
    { method: 'DELETE', path: `${UPLOADS}{id}`, summary: 'Cancel an upload', parameters: [NAME, UPLOAD] },
    { 204: { description: 'It is gone.' } },
    404,
  ),
  // end-3, 7, 9
  operation(
    {
      method: 'GET',
      path: MANIFESTS,
      summary: 'A manifest, as it was pushed',
      parameters: [NAME, REFERENCE],
    },
    { 200: { description: 'The manifest.', content: MANIFEST }, 304: { description: 'Not modified.' } },
    400,
    404,
  ),
  operation(
    {
      ...{ method: 'PUT', path: MANIFESTS, summary: 'Push a manifest' },
      parameters: [
        NAME,
        REFERENCE,
        query('tag', 'A tag that points to it, beside its digest; several times.'),
      ],
      request: MANIFEST,
    },
    { 201: STORED },
    400,
    405,
    413,
    507,
  ),
  operation(
    {
      ...{ method: 'DELETE', path: MANIFESTS, summary: 'Delete a tag, or a manifest with all its tags' },
      parameters: [NAME, REFERENCE, query('force', '`true`: also where an index names it.')],
    },
    { 202: { description: 'It is gone.' } },
    400,
    404,
    405,
  ),
  // end-8, 12
  operation(
    {
      method: 'GET',
      path: '/v2/{name}/tags/list',
      summary: 'Tags of a repository',
      parameters: [NAME, ...PAGE],
    },
    { 200: jsonResponse('A page; `Link` leads to the next.', { name: 'Tags', zod: tagsSchema }) },
    400,
    404,
  ),
  operation(
    {
      ...{ method: 'GET', path: '/v2/{name}/referrers/{digest}', summary: 'What is about a manifest' },
      parameters: [NAME, DIGEST, query('artifactType', 'Only of this type.')],
    },
    { 200: { description: 'An index of them.', content: { mediaType: OCI_INDEX } } },
    400,
  ),
];
