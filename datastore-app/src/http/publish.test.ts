// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ExpectedContent, StagedImage } from '../content/staging.ts';
import { StoreError } from '../content/store-error.ts';
import { createPublishHandler, type PublishDeps } from './publish.ts';

const STAGED = { sha256: 'ab'.repeat(32) } as StagedImage;

let server: Server;
let events: string[];
let errors: object[];
/** What the store does with what comes. */
let stage: (content: AsyncIterable<Uint8Array>, expected: ExpectedContent) => Promise<StagedImage>;
let publishError: Error | undefined;

beforeEach(async () => {
  events = [];
  errors = [];
  publishError = undefined;
  stage = async (content) => {
    for await (const piece of content) events.push(`received ${piece.length}`);
    return STAGED;
  };
  const store = {
    requirePlaceable: async () => {},
    stage: (content: AsyncIterable<Uint8Array>, expected: ExpectedContent) => {
      events.push(
        `stage ${expected.sizeBytes} ${expected.digests?.find(({ algorithm }) => algorithm === 'sha256')?.hex}`,
      );
      return stage(content, expected);
    },
    async publish(_staged: StagedImage, path: string, { replace }: { replace: boolean }) {
      events.push(`publish ${path} ${replace}`);
      if (publishError !== undefined) throw publishError;
      return { path, sizeBytes: 3, sha256: STAGED.sha256, isNew: true };
    },
    discard: async () => void events.push('discard'),
    async remove(path: string) {
      events.push(`remove ${path}`);
      return path === 'there';
    },
  };
  const handler = createPublishHandler({
    log: { ...silentLog, error: (fields) => errors.push(fields) },
    note: () => {},
    store: store as unknown as PublishDeps['store'],
    openImage: () => undefined,
    digestOf: () => undefined,
  });
  server = createServer((request, response) => void handler(request, response, request.url ?? ''));
  server.on('checkContinue', (request, response) => void handler(request, response, request.url ?? ''));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function open(method: string, path: string, headers: Record<string, string | number> = {}) {
  const { port } = server.address() as AddressInfo;
  return httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false });
}

async function send(method: string, path: string, headers: Record<string, string> = {}, body = 'abc') {
  const request = open(method, path, headers).end(body);
  const [response] = await once(request, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

it('hands on what is promised, and answers with what became of it', async () => {
  const sha256 = 'cd'.repeat(32);
  const answer = await send('PUT', '/a/b%20c', { 'X-Checksum-Sha256': sha256, 'If-None-Match': '*' });
  expect(answer.status).toBe(201);
  expect(answer.headers.location).toBe('/a/b%20c');
  expect(events).toEqual([`stage 3 ${sha256}`, 'received 3', 'publish a/b c false']);
});

it.each([
  ['NAME_INVALID', 400],
  ['PATH_TAKEN', 409],
  ['IMAGE_EXISTS', 412],
  ['INCOMPLETE', 400],
  ['SIZE_MISMATCH', 400],
  ['DIGEST_MISMATCH', 400],
  ['NO_SPACE', 507],
  ['QUOTA_EXCEEDED', 507],
  ['NOT_WRITABLE', 403],
] as const)('says %s with %i, and discards what was staged', async (code, status) => {
  publishError = new StoreError(code, 'why');
  const answer = await send('PUT', '/a');
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body)).toMatchObject({ code, detail: 'why' });
  expect(events.at(-1)).toBe('discard');
  expect(errors).toEqual([]);
});

it('keeps to itself what it did not foresee, and logs it', async () => {
  publishError = new Error('secret reason');
  const answer = await send('PUT', '/a');
  expect(answer.status).toBe(500);
  expect(answer.body).not.toContain('secret');
  expect(errors).toEqual([{ path: '/a', reason: 'secret reason' }]);
});

it('lets a client that is still sending read why it was refused', async () => {
  stage = async (content) => {
    for await (const _piece of content) throw new StoreError('NO_SPACE', 'The volume is full.');
    return STAGED;
  };
  const request = open('PUT', '/a', { 'Content-Length': 40_000_000 });
  request.on('error', () => {});
  request.write(Buffer.alloc(1_000_000));
  const [response] = await once(request, 'response');
  expect([response.statusCode, response.headers.connection]).toEqual([507, 'close']);
  expect(await text(response)).toContain('The volume is full.');
  request.destroy();
});

it('tells a client to send only once there is room', async () => {
  stage = async () => {
    throw new StoreError('NO_SPACE', 'The volume is full.');
  };
  const refused = open('PUT', '/a', { Expect: '100-continue', 'Content-Length': 3 });
  refused.on('continue', () => events.push('continue'));
  refused.flushHeaders();
  const [response] = await once(refused, 'response');
  expect(response.statusCode).toBe(507);
  await text(response);
  expect(events).toEqual(['stage 3 undefined']);

  stage = async (content) => {
    for await (const piece of content) events.push(`received ${piece.length}`);
    return STAGED;
  };
  const request = open('PUT', '/a', { Expect: '100-continue', 'Content-Length': 3 });
  request.flushHeaders();
  await once(request, 'continue');
  request.end('abc');
  const [answer] = await once(request, 'response');
  expect(answer.statusCode).toBe(201);
  answer.resume();
});

it('removes an image', async () => {
  expect((await send('DELETE', '/there', {}, '')).status).toBe(204);
  expect((await send('DELETE', '/absent', {}, '')).status).toBe(404);
  expect(events).toEqual(['remove there', 'remove absent']);
});
