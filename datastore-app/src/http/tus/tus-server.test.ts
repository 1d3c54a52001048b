// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StoreError } from '../../content/store-error.ts';
import type { Uploads } from '../../uploads/uploads.ts';
import { type Listener, listen } from '../server.ts';
import { createTusHandler } from './tus-server.ts';

const ID = 'a'.repeat(32);

let listener: Listener;
let finish: () => Promise<{ path: string; sha256: string }>;
let errors: object[];
/** After how long each connection that asked is cut as idle; 0: never. */
let idleTimeoutsMs: () => (number | undefined)[];

beforeEach(async () => {
  errors = [];
  const uploads: Partial<Uploads> = {
    expiryMs: 1000_000,
    async find() {
      return {
        ...{ id: ID, path: 'ä b/c', sizeBytes: 3, sha256: null, replace: false, verifiedSha256: null },
        ...{ created: new Date().toISOString(), changed: new Date(), metadata: {} },
        ...{ receivedBytes: 0, isPublished: false },
      };
    },
    async append(_id, position, content) {
      let receivedBytes = position;
      for await (const piece of content) receivedBytes += piece.length;
      return receivedBytes;
    },
    finish: () => finish(),
  };
  const log = { ...silentLog, error: (fields: object) => errors.push(fields) };
  const handler = createTusHandler({ log, uploads: uploads as Uploads }, { path: '/uploads' });
  const sockets: Socket[] = [];
  idleTimeoutsMs = () => sockets.map(({ timeout }) => timeout);
  listener = await listen(
    { log },
    (request, response) => {
      sockets.push(request.socket);
      void handler(request, response, request.url ?? '');
    },
    {
      ...{ address: '127.0.0.1', port: 0, tls: undefined },
      limits: { maxConnections: 10, headerTimeoutMs: 60_000, idleTimeoutMs: 60_000 },
    },
  );
});
afterEach(() => listener.drain(0));

async function patch() {
  const request = httpRequest({
    ...{ host: '127.0.0.1', port: listener.port, method: 'PATCH', path: `/uploads/${ID}`, agent: false },
    headers: {
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': '0',
      'Content-Type': 'application/offset+octet-stream',
    },
  }).end('abc');
  const [response] = await once(request, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

it('answers when the image is published, however long that takes', async () => {
  finish = async () => {
    expect(idleTimeoutsMs()).toEqual([0]);
    return { path: 'ä b/c', sha256: 'ab'.repeat(32) };
  };
  const { status, headers } = await patch();
  expect(status).toBe(204);
  expect(headers).toMatchObject({
    'upload-offset': '3',
    'content-location': '/%C3%A4%20b/c',
    'x-checksum-sha256': 'ab'.repeat(32),
    'tus-resumable': '1.0.0',
  });
});

it.each([
  ['NO_SPACE', 507],
  ['DIGEST_MISMATCH', 400],
  // A tus client takes 409 for a wrong offset and tries for ever.
  ['PATH_TAKEN', 412],
] as const)('says %s with %i, as a problem', async (code, status) => {
  finish = async () => {
    throw new StoreError(code, 'why');
  };
  const answer = await patch();
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(JSON.parse(answer.body)).toMatchObject({ status, code, detail: 'why' });
});

it('keeps to itself what it did not foresee, and logs it', async () => {
  finish = async () => {
    throw new Error('secret reason');
  };
  const answer = await patch();
  expect(answer.status).toBe(500);
  expect(answer.body).not.toContain('secret');
  expect(errors).toEqual([{ reason: 'secret reason' }]);
});
