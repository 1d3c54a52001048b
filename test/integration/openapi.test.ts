// SPDX-License-Identifier: Apache-2.0
/** The OpenAPI document against what the real program answers. */
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenapiDocument } from '@local-datastore/shared/http/openapi';
import { problemSchema } from '@local-datastore/shared/http/problem-schema';
import { DOCTOR_PRODUCT } from '@local-datastore/shared/http/products';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type * as z from 'zod';
import { inventorySchema } from '../../datastore-app/src/archive-imports/inventory.ts';
import { publishedSchema } from '../../datastore-app/src/http/openapi/image-operations.ts';
import {
  registryErrorsSchema,
  repositoriesSchema,
  tagsSchema,
} from '../../datastore-app/src/http/openapi/registry-operations.ts';
import { changesSchema } from '../../datastore-app/src/http/routes/changes.ts';
import { downloadLinkSchema } from '../../datastore-app/src/http/routes/download-links.ts';
import { eveSettingsSchema } from '../../datastore-app/src/http/routes/eve.ts';
import { healthSchema } from '../../datastore-app/src/http/routes/health.ts';
import { imageSchema, imagesSchema } from '../../datastore-app/src/http/routes/images.ts';
import {
  importJobAnswerSchema,
  importJobsAnswerSchema,
} from '../../datastore-app/src/http/routes/import-jobs.ts';
import { upstreamsSchema } from '../../datastore-app/src/http/routes/registry-upstreams.ts';
import {
  knownRepositoriesSchema,
  knownRepositorySchema,
} from '../../datastore-app/src/http/routes/repositories.ts';
import { statusSchema } from '../../datastore-app/src/http/routes/status.ts';
import { uploadStatusSchema, uploadsSchema } from '../../datastore-app/src/http/routes/uploads.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_HEADERS,
} from '../lab/loopback-datastore.ts';
import { createOpenapiClient } from '../lab/openapi-client.ts';
import { createRepositoryClient, someImage } from './registry-content.ts';

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let uploadPath: string;
const image = someImage();

/** @returns its path */
async function createUpload(path: string): Promise<string> {
  const created = await fetch(`${datastore.url}/-/api/v1/uploads`, {
    method: 'POST',
    headers: {
      ...WRITE_HEADERS,
      'Tus-Resumable': '1.0.0',
      'Upload-Length': '10',
      'Upload-Metadata': `path ${Buffer.from(path).toString('base64')}`,
    },
  });
  expect(created.status).toBe(201);
  return created.headers.get('location') ?? '';
}

beforeAll(async () => {
  place = await createDatastoreFolder();
  await mkdir(place.root);
  await writeFile(join(place.root, 'disk.img'), 'content');
  await writeFile(join(place.root, 'large.img'), '');
  datastore = await place.start('--tls', 'authority', '--quota', '1G');
  await (await fetch(`${datastore.url}/disk.img`, { headers: { Range: 'bytes=0-1' } })).text();
  uploadPath = await createUpload('a/b.img');
  await createRepositoryClient(datastore, 'lab/app').pushImage(image, '1');
});
afterAll(() => place.remove());

/** What the schema knows of a document must be all of it. */
async function expectFits(response: Response, status: number, schema: z.ZodType): Promise<void> {
  const document = await response.json();
  expect([response.status, document]).toEqual([status, schema.parse(document)]);
}

it.each([
  ['/-/api/v1/images', 200, imagesSchema()],
  ['/-/api/v1/images/disk.img', 200, imageSchema()],
  ['/-/api/v1/images/missing', 404, problemSchema()],
  ['/-/api/v1/download-links/disk.img', 200, downloadLinkSchema()],
  ['/-/api/v1/status', 200, statusSchema()],
  ['/-/api/v1/eve/disk.img', 200, eveSettingsSchema()],
  ['/-/api/v1/eve/disk.img?scheme=https', 200, eveSettingsSchema()],
  ['/-/api/v1/uploads', 200, uploadsSchema()],
  ['/-/api/v1/changes', 200, changesSchema()],
  ['/-/api/v1/changes?limit=0', 400, problemSchema()],
  ['/-/livez', 200, healthSchema()],
  ['/-/readyz', 200, healthSchema()],
  ['/missing', 404, problemSchema()],
  ['/-/api/v1/registry/repositories', 200, knownRepositoriesSchema()],
  ['/-/api/v1/registry/repositories/lab/app', 200, knownRepositorySchema()],
  ['/-/api/v1/registry/repositories/missing', 404, problemSchema()],
  ['/-/api/v1/registry/upstreams', 200, upstreamsSchema()],
  ['/-/api/v1/registry/imports', 200, importJobsAnswerSchema()],
  ['/-/api/v1/registry/imports/missing', 404, problemSchema()],
  ['/-/api/v1/registry/inventory', 200, inventorySchema()],
  ['/v2/lab/app/tags/list', 200, tagsSchema()],
  ['/v2/_catalog', 200, repositoriesSchema()],
  ['/v2/missing/tags/list', 404, registryErrorsSchema()],
] as const)('describes the answer of %s', async (path, status, schema) => {
  await expectFits(await fetch(`${datastore.url}${path}`, { headers: WRITE_HEADERS }), status, schema);
});

it('describes a download that was a look of the doctor', async () => {
  await truncate(join(place.root, 'large.img'), 64 * 1024 * 1024);
  const headers = { 'User-Agent': DOCTOR_PRODUCT };
  const { body } = await fetch(`${datastore.url}/large.img`, { headers });
  await body?.cancel();
  const askStatus = () => fetch(`${datastore.url}/-/api/v1/status`, { headers: WRITE_HEADERS });
  await expect
    .poll(async () => statusSchema().parse(await (await askStatus()).json()).downloads)
    .toContainEqual(expect.objectContaining({ path: 'large.img', state: 'probe' }));
  await expectFits(await askStatus(), 200, statusSchema());
});

it('describes the answers to what is published and uploaded', async () => {
  const headers = WRITE_HEADERS;
  const put = await fetch(`${datastore.url}/new.img`, { method: 'PUT', body: 'new', headers });
  await expectFits(put, 201, publishedSchema());
  await expectFits(await fetch(`${datastore.url}${uploadPath}`, { headers }), 200, uploadStatusSchema());
  const refused = await fetch(`${datastore.url}/.hidden`, { method: 'PUT', body: 'new', headers });
  await expectFits(refused, 400, problemSchema());
});

it('is served, and says which version', async () => {
  const response = await fetch(`${datastore.url}/-/openapi.json`);
  expect(await response.json()).toMatchObject({ openapi: '3.1.0', info: { version: '0.1.0' } });
});

it('is enough for a client, by operation ids alone', async () => {
  const document = (await (await fetch(`${datastore.url}/-/openapi.json`)).json()) as OpenapiDocument;
  const call = createOpenapiClient(document, async ({ method, path, headers, body = null }) => {
    const all = { ...headers, ...WRITE_HEADERS };
    const answer = await fetch(`${datastore.url}${path}`, { method, headers: all, body });
    const [mediaType = ''] = (answer.headers.get('content-type') ?? '').split(';');
    return { status: answer.status, mediaType, text: await answer.text() };
  });
  expect(await call('getReadyz')).toMatchObject({ document: { status: 'ok' } });
  const put = await call('putByPath', { parameters: { path: 'called.img' }, body: 'content' });
  expect(put).toMatchObject({ status: 201, document: { path: 'called.img', sizeBytes: 7 } });
  const parameters = { path: 'called.img' };
  await expect
    .poll(() => call('getImagesByPath', { parameters }))
    .toMatchObject({ document: { state: 'ready' } });
  expect(await call('getImages')).toMatchObject({ status: 200 });
  expect(await call('postOperationsDescribe', { body: { image: 'called.img' } })).toMatchObject({
    document: { image: 'called.img', format: 'raw' },
  });
  expect(
    await call('getRegistryRepositoriesByRepository', { parameters: { repository: 'lab/app' } }),
  ).toMatchObject({ document: { tags: [{ tag: '1' }] } });
  expect(await call('deleteByPath', { parameters })).toMatchObject({ status: 204 });
  expect(await call('getImagesByPath', { parameters })).toMatchObject({ status: 404 });
});

/** Of a registry where nothing listens. */
function beginImport(): Promise<Response> {
  const document = { source: 'docker://127.0.0.1:1/lab/app:1', insecure: true };
  return fetch(`${datastore.url}/-/api/v1/registry/imports`, {
    ...{ method: 'POST', headers: WRITE_HEADERS, body: JSON.stringify(document) },
  });
}

it('describes an import', async () => {
  const begun = await beginImport();
  const path = begun.headers.get('location');
  await expectFits(begun, 202, importJobAnswerSchema());
  await expectFits(
    await fetch(`${datastore.url}${path}`, { headers: WRITE_HEADERS }),
    200,
    importJobAnswerSchema(),
  );
});

/** A client that can send no other method says so in `X-HTTP-Method-Override` (tus 1.0). */
const TUS_OVERRIDE = 'post /-/api/v1/uploads/{id}';

it('describes all that is answered, and nothing else', async () => {
  const { paths } = (await (await fetch(`${datastore.url}/-/openapi.json`)).json()) as OpenapiDocument;
  const page = await (await fetch(`${datastore.url}/-/`, { headers: { Accept: 'text/html' } })).text();
  const asset = /\/-\/assets\/([\w.-]+)/.exec(page)?.[1] ?? '';
  const headers = { ...WRITE_HEADERS, 'Tus-Resumable': '1.0.0' };
  // Those of the registry are held against its resources, beside its description.
  const own = Object.entries(paths).filter(([template]) => !template.startsWith('/v2/'));
  for (const [template, item] of own) {
    for (const method of ['get', 'head', 'put', 'post', 'patch', 'delete']) {
      await fetch(`${datastore.url}/described.img`, { method: 'PUT', body: 'content', headers });
      const upload = (await createUpload('described-too.img')).split('/').at(-1) ?? '';
      if (template.includes('{repository}')) {
        await createRepositoryClient(datastore, 'lab/app').pushImage(image, '1');
      }
      const isImport = template.includes('/imports/{id}');
      const job = isImport ? ((await (await beginImport()).json()) as { id: string }).id : undefined;
      const path = template
        .replace('{repository}', 'lab/app')
        .replace('{image}', 'lab/app:1')
        .replace('{tag}', '1')
        .replace('{digest}', image.descriptor.digest)
        .replace('{path}', 'described.img')
        .replace('{id}', job ?? upload)
        .replace('/-/manual/{name}', '/-/manual/install.html')
        .replace('{name}', asset);
      const answer = await fetch(`${datastore.url}${path}`, {
        method: method.toUpperCase(),
        headers,
        redirect: 'manual',
      });
      await answer.body?.cancel();
      const isDescribed =
        method in item || (method === 'head' && 'get' in item) || `${method} ${template}` === TUS_OVERRIDE;
      const isThere = ![404, 405].includes(answer.status);
      expect({ method, path, status: answer.status, isThere }).toMatchObject({ isThere: isDescribed });
      await fetch(`${datastore.url}/-/api/v1/uploads/${upload}`, { method: 'DELETE', headers });
    }
  }
});
