// SPDX-License-Identifier: Apache-2.0
/** How images that are not here are answered, over real connections. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { byteSourceOf } from '../content/byte-source.ts';
import { StoreError } from '../content/store-error.ts';
import type { DistantFile } from '../upstream/images/image-lists.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import { createDistantFiles, type DistantFilesDeps } from './distant-files.ts';
import { createSourceSender } from './send-source.ts';
import { createTransferMemory } from './transfer-memory.ts';

const CONTENT = Buffer.from('0123456789');
const SHA256 = '84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882';
const TAG = `"sha256:${SHA256}"`;

let server: Server;
let origin: string;
let opened: number;
let answer: () => ReturnType<DistantFilesDeps['upstreams']['open']>;
let looked: () => Promise<DistantFile | undefined>;
beforeEach(async () => {
  opened = 0;
  answer = async () => byteSourceOf([{ kind: 'buffer', bytes: CONTENT }]);
  looked = async () => undefined;
  const distant = {
    path: 'a.img',
    file: { path: 'a.img', sizeBytes: CONTENT.length, sha256: SHA256, url: 'http://x/a.img' },
  } as unknown as DistantFile;
  const handle = createDistantFiles({
    log: silentLog,
    downloads: { begin: () => {} },
    openImage: () => undefined,
    sendSource: createSourceSender({ memory: createTransferMemory() }),
    upstreams: {
      find: (path) => (path === 'a.img' ? distant : undefined),
      lookFor: () => looked(),
      open() {
        opened += 1;
        return answer();
      },
    },
  });
  server = createServer((request, response) => handle(request, response, (request.url ?? '').slice(1)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.close();
  server.closeAllConnections();
});
const ask = (headers: Record<string, string> = {}, method = 'GET', path = 'a.img') =>
  fetch(`${origin}/${path}`, { headers, method });

describe('what is answered without anything coming', () => {
  it.each<[string, string, Record<string, string>, number]>([
    ['the head', 'HEAD', {}, 200],
    ['what the client has', 'GET', { 'if-none-match': TAG }, 304],
    ['another than is meant', 'GET', { 'if-match': '"sha256:other"' }, 412],
    ['a range behind the end', 'GET', { range: 'bytes=10-' }, 416],
  ])('%s', async (_title, method, headers, status) => {
    const response = await ask(headers, method);
    await response.arrayBuffer();
    expect([response.status, opened, response.headers.get('etag')]).toEqual([status, 0, TAG]);
  });

  it('with size and digest', async () => {
    const { headers } = await ask({}, 'HEAD');
    expect([headers.get('content-length'), headers.get('accept-ranges')]).toEqual(['10', 'bytes']);
    expect(headers.get('repr-digest')).toBe(`sha-256=:${Buffer.from(SHA256, 'hex').toString('base64')}:`);
  });
});

it.each<[Record<string, string>, number, string]>([
  [{}, 200, '0123456789'],
  [{ range: 'bytes=3-5' }, 206, '345'],
  [{ range: 'bytes=-2' }, 206, '89'],
  [{ range: 'bytes=8-', 'if-range': TAG }, 206, '89'],
  [{ range: 'bytes=8-', 'if-range': '"other"' }, 200, '0123456789'],
])('sends with %j what is meant', async (headers, status, text) => {
  const response = await ask(headers);
  expect([response.status, await response.text()]).toEqual([status, text]);
});

it.each<[string, Error, number, string | undefined]>([
  [
    'an upstream that is away',
    new UpstreamError('UNREACHABLE', 'x cannot be reached'),
    502,
    'UPSTREAM_FAILED',
  ],
  ['an upstream that lacks it', new UpstreamError('NOT_FOUND', 'x has no image'), 502, 'UPSTREAM_FAILED'],
  ['no room', new StoreError('NO_SPACE', 'full'), 507, 'NO_SPACE'],
  ['no place', new StoreError('PATH_TAKEN', 'a folder'), 409, 'PATH_TAKEN'],
  ['what nobody foresaw', new Error('secret path /x'), 503, undefined],
])('says that it does not come: %s', async (_title, error, status, code) => {
  answer = async () => {
    throw error;
  };
  const response = await ask({ range: 'bytes=3-5' });
  const problem = (await response.json()) as { code?: string; detail: string };
  expect([response.status, problem.code]).toEqual([status, code]);
  expect(problem.detail).not.toContain('secret path');
  for (const name of ['etag', 'content-range', 'repr-digest', 'accept-ranges']) {
    expect([name, response.headers.get(name)]).toEqual([name, null]);
  }
});

it('looks for what it does not know', async () => {
  expect((await ask({}, 'GET', 'b.img')).status).toBe(404);
  looked = async () => {
    throw new UpstreamError('UNREACHABLE', 'x cannot be reached');
  };
  const response = await ask({}, 'GET', 'b.img');
  expect([response.status, response.headers.get('retry-after')]).toEqual([502, '30']);
});
