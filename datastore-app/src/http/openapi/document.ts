import * as z from 'zod';
import {
  downloadLinkSchema,
  eveSettingsSchema,
  healthSchema,
  imageSchema,
  imagesSchema,
  importedSchema,
  problemSchema,
  publishedSchema,
  statusSchema,
  uploadStatusSchema,
  uploadsSchema,
} from './schemas.ts';

type Json = { readonly [key: string]: unknown };

const SCHEMAS = {
  Problem: problemSchema,
  Image: imageSchema,
  Images: imagesSchema,
  DownloadLink: downloadLinkSchema,
  Published: publishedSchema,
  Imported: importedSchema,
  Uploads: uploadsSchema,
  UploadStatus: uploadStatusSchema,
  Status: statusSchema,
  EveSettings: eveSettingsSchema,
  Health: healthSchema,
} as const;

const reference = (name: keyof typeof SCHEMAS) => ({ $ref: `#/components/schemas/${name}` });
const body = (mediaType: string, schema: Json): Json => ({ content: { [mediaType]: { schema } } });
const json = (description: string, name: keyof typeof SCHEMAS): Json => ({
  description,
  ...body('application/json', reference(name)),
});
const text = (description: string, mediaType: string): Json => ({
  description,
  ...body(mediaType, { type: 'string' }),
});
const BINARY = { type: 'string', format: 'binary' };
const problem = (description: string): Json => ({
  description,
  ...body('application/problem+json', reference('Problem')),
});

const PROBLEMS: Readonly<Record<number, Json>> = {
  400: problem('The request is malformed, or the content is not what was promised.'),
  401: problem('A credential is missing or wrong.'),
  403: problem('The volume takes no change, or a page of another origin caused the request.'),
  404: problem('There is nothing at this path.'),
  409: problem('It contradicts the present state.'),
  412: problem('A condition of the request does not hold, or the image exists.'),
  415: problem('It is a form, or encoded: content is taken as it is.'),
  416: problem('The range begins at or after the end of the file.'),
  421: problem('The name in Host is none of the datastore’s.'),
  429: problem('Too many wrong credentials came from this client.'),
  503: problem('Not now: see the reasons.'),
  507: problem('It would fill the volume or the quota.'),
};

const problems = (...statuses: (keyof typeof PROBLEMS)[]) =>
  Object.fromEntries(statuses.map((status) => [status, PROBLEMS[status]]));

/** Open unless a read credential is set. */
const READ: Json = { security: [{}, { basic: [] }, { bearer: [] }] };
const OPEN: Json = { security: [] };
const WRITE: Json = { security: [{ bearer: [] }] };

const parameter = (
  place: string,
  name: string,
  description: string,
  schema: Json = { type: 'string' },
): Json => ({
  in: place,
  name,
  description,
  schema,
  ...(place === 'path' && { required: true }),
});
const IMAGE_PATH = parameter('path', 'path', 'Below the root; may hold slashes.');
const UPLOAD_ID = parameter('path', 'id', 'As Location said it.');
const TUS_RESUMABLE = parameter('header', 'Tus-Resumable', 'The version of the protocol.', {
  const: '1.0.0',
});

const read = (summary: string, responses: Json, parameters: Json[] = []): Json => ({
  ...READ,
  summary,
  parameters,
  responses: { ...responses, ...problems(401, 421, 429) },
});
const open = (summary: string, responses: Json, parameters: Json[] = []): Json => ({
  ...OPEN,
  summary,
  parameters,
  responses: { ...responses, ...problems(421) },
});
const write = (summary: string, responses: Json, parameters: Json[] = [], requestBody?: Json): Json => ({
  ...WRITE,
  summary,
  parameters,
  ...(requestBody && { requestBody }),
  responses: { ...responses, ...problems(401, 403, 421, 429) },
});

const CONDITIONS = [
  parameter('header', 'If-Match', 'Only when the image is this one.'),
  parameter('header', 'If-None-Match', '`*`: only when there is none.'),
];
const DIGESTS = [
  parameter('header', 'Repr-Digest', 'RFC 9530, `sha-256=:…:`; other content is refused.'),
  parameter(
    'header',
    'X-Checksum-Sha256',
    '64 hexadecimal digits; other content is refused. Also -Sha512, -Sha1, -Md5.',
  ),
  parameter('header', 'Digest', 'RFC 3230; other content is refused. Also Content-Digest and Content-MD5.'),
  parameter('query', 'empty', '`true`: an image of no bytes is meant.'),
];
const RANGES = [
  parameter('header', 'Range', 'One range of bytes.'),
  parameter('header', 'If-Range', 'ETag of what the client has; a date is never taken for proof.'),
];

const imageResponses = {
  200: { description: 'The image.', ...body('application/octet-stream', BINARY) },
  206: { description: 'The range.', ...body('application/octet-stream', BINARY) },
  304: { description: 'Not modified.' },
  ...problems(404, 412, 416, 503),
};
const publishResponses = {
  200: json('Another image was replaced.', 'Published'),
  201: json('The image is published.', 'Published'),
  ...problems(400, 403, 409, 412, 415, 507),
};
const content = body('application/octet-stream', BINARY);

const PATHS = {
  '/{path}': {
    get: read('An image, whole or a range', imageResponses, [IMAGE_PATH, ...RANGES, ...CONDITIONS]),
    put: write('Publish an image', publishResponses, [IMAGE_PATH, ...DIGESTS, ...CONDITIONS], content),
    post: write('The same, as EVE sends collect-info', publishResponses, [IMAGE_PATH, ...DIGESTS], content),
    delete: write(
      'Delete an image',
      { 204: { description: 'It is gone.' }, ...problems(403, 404, 409, 412) },
      [IMAGE_PATH],
    ),
  },
  '/': { get: open('Leads to the page', { 302: { description: 'To /-/.' } }) },
  '/-/': {
    get: open('The web page; text for others than browsers', { 200: text('The page.', 'text/html') }),
  },
  '/-/assets/{name}': {
    get: open('A part of the page', { 200: { description: 'The asset.' }, ...problems(404) }, [
      parameter('path', 'name', 'With a digest of its content.'),
    ]),
  },
  '/-/api/v1/images': {
    get: read('All images', { 200: json('By path.', 'Images'), 304: { description: 'Nothing changed.' } }),
  },
  '/-/api/v1/images/{path}': {
    get: read('One image', { 200: json('What is known of it.', 'Image'), ...problems(404) }, [IMAGE_PATH]),
    delete: write('Delete an image', { 204: { description: 'It is gone.' }, ...problems(403, 404, 409) }, [
      IMAGE_PATH,
    ]),
  },
  '/-/api/v1/download-links/{path}': {
    get: read(
      'A link to an image that needs no credential for a while',
      { 200: json('The link.', 'DownloadLink'), ...problems(404) },
      [IMAGE_PATH],
    ),
  },
  '/-/api/v1/eve/{path}': {
    get: read(
      'How to register an image with a controller of EVE',
      { 200: json('The settings.', 'EveSettings'), ...problems(400, 404, 409) },
      [IMAGE_PATH, parameter('query', 'scheme', 'http, where it is absent, or https.')],
    ),
  },
  '/-/api/v1/status': { get: read('What the datastore is doing', { 200: json('The state.', 'Status') }) },
  '/-/api/v1/uploads': {
    get: write('Uploads that are not complete', { 200: json('By path.', 'Uploads') }),
    post: write(
      'Create an upload (tus 1.0)',
      {
        201: { description: 'Location says where to send it.' },
        ...problems(400, 403, 409, 412, 507),
      },
      [
        TUS_RESUMABLE,
        parameter('header', 'Upload-Length', 'Bytes of the image.'),
        parameter(
          'header',
          'Upload-Metadata',
          'tus: `path` (or `filename`), optional `sha256`, `replace` and `empty` ("true"), values in base64.',
        ),
      ],
    ),
  },
  '/-/api/v1/uploads/{id}': {
    get: write('One upload', { 200: json('How far it is.', 'UploadStatus'), ...problems(404) }, [UPLOAD_ID]),
    head: write('How far it is (tus 1.0)', { 200: { description: 'Upload-Offset says it.' } }, [
      UPLOAD_ID,
      TUS_RESUMABLE,
    ]),
    patch: write(
      'Send the next bytes (tus 1.0); the last of them publish the image',
      { 204: { description: 'They are stored.' }, ...problems(400, 403, 404, 409, 412, 507) },
      [UPLOAD_ID, TUS_RESUMABLE, parameter('header', 'Upload-Offset', 'Bytes sent before.')],
      body('application/offset+octet-stream', BINARY),
    ),
    delete: write('Cancel an upload (tus 1.0)', { 204: { description: 'It is gone.' }, ...problems(404) }, [
      UPLOAD_ID,
      TUS_RESUMABLE,
    ]),
  },
  '/-/api/v1/import': {
    post: write(
      'Publish the images of a tar with SHA256SUMS: all or none',
      { 200: json('What was published.', 'Imported'), ...problems(400, 403, 409, 412, 415, 507) },
      [parameter('query', 'replace', '`true`: replace images of these names.')],
      body('application/x-tar', BINARY),
    ),
  },
  '/-/api/v1/export': {
    get: read(
      'A tar of images with SHA256SUMS',
      { 200: { description: 'The tar.', ...body('application/x-tar', BINARY) }, ...problems(404, 409) },
      [parameter('query', 'path', 'An image or a folder; may be repeated. None: all.')],
    ),
  },
  '/-/ca.pem': {
    get: open("The built-in authority's certificate: EVE's dsCertPEM", {
      200: text('PEM.', 'application/x-pem-file'),
      ...problems(404),
    }),
  },
  '/-/metrics': { get: read('Metrics for Prometheus', { 200: text('The metrics.', 'text/plain') }) },
  '/-/livez': { get: open('Whether the process lives', { 200: json('It does.', 'Health') }) },
  '/-/readyz': {
    get: open('Whether devices can be served', { 200: json('They can.', 'Health'), ...problems(503) }),
  },
  '/-/openapi.json': { get: open('This document', { 200: { description: 'OpenAPI 3.1.' } }) },
} satisfies Record<string, Record<string, Json>>;

/** The OpenAPI 3.1 document of everything that the datastore answers. */
export function openapiDocument(version: string): Json {
  const schemas = Object.entries(SCHEMAS).map(([name, schema]) => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema);
    return [name, rest];
  });
  return {
    openapi: '3.1.0',
    info: { title: 'Local datastore for EVE-OS', version, license: { name: 'Apache-2.0' } },
    paths: PATHS,
    components: {
      schemas: Object.fromEntries(schemas),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The write token, or the read password.' },
        basic: { type: 'http', scheme: 'basic', description: 'The read credential.' },
      },
    },
  };
}
