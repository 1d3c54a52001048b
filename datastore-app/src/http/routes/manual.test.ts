// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { silentLog } from '@local-datastore/shared/log';
import { siteOf } from '@local-datastore/shared/web/site';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../api.ts';
import { createManualRoutes } from './manual.ts';

const file = (name: string, content: string) => ({
  name,
  content: Buffer.from(content),
  gzip: Buffer.from(`gzip of ${content}`),
  brotli: Buffer.from(`brotli of ${content}`),
});
const MANUAL = siteOf([
  file('index.html', 'start'),
  file('install.html', 'install'),
  file('manual-1.css', 'styles'),
  { ...file('page-1.png', 'picture'), gzip: undefined, brotli: undefined },
]);

let server: Server;
let failure: Error | undefined;

beforeAll(async () => {
  const loadManual = async () => {
    if (failure !== undefined) throw failure;
    return MANUAL;
  };
  server = createServer(createApi({ log: silentLog }, [createManualRoutes({ log: silentLog, loadManual })]));
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => server.close());

async function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const { port } = server.address() as AddressInfo;
  const request = httpRequest({ host: '127.0.0.1', port, path, headers, method, agent: false });
  const [response] = await once(request.end(), 'response');
  return {
    status: response.statusCode as number,
    headers: response.headers as IncomingHttpHeaders,
    body: await text(response),
  };
}

describe('/-/manual/', () => {
  it('is where its name without a slash leads', async () => {
    const { status, headers } = await get('/-/manual');
    expect([status, headers.location]).toEqual([302, '/-/manual/']);
  });

  it.each([
    ['/-/manual/', 'start'],
    ['/-/manual/index.html', 'start'],
    ['/-/manual/install.html', 'install'],
  ])('has a document at %s, under the policy of the page', async (path, content) => {
    const { status, headers, body } = await get(path);
    expect([status, body]).toEqual([200, content]);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
      'x-content-type-options': 'nosniff',
      vary: 'Accept-Encoding',
    });
  });

  it.each([
    ['gzip, br', 'br', 'brotli of install'],
    ['gzip', 'gzip', 'gzip of install'],
    ['identity', undefined, 'install'],
  ])('to "Accept-Encoding: %s" answers in %s, once', async (accepted, encoding, content) => {
    const wish = { 'Accept-Encoding': accepted };
    const { headers, body } = await get('/-/manual/install.html', wish);
    expect([headers['content-encoding'], body]).toEqual([encoding, content]);
    const again = await get('/-/manual/install.html', { ...wish, 'If-None-Match': headers.etag ?? '' });
    expect([again.status, again.body]).toEqual([304, '']);
  });

  it('has a tag for each form', async () => {
    const forms = ['br', 'gzip', 'identity'].map((form) => get('/-/manual/', { 'Accept-Encoding': form }));
    expect(new Set((await Promise.all(forms)).map(({ headers }) => headers.etag)).size).toBe(3);
  });

  it.each([
    ['manual-1.css', 'text/css; charset=utf-8'],
    ['page-1.png', 'image/png'],
  ])('has %s, to be kept for ever', async (name, type) => {
    const { status, headers } = await get(`/-/manual/${name}`);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': type,
      'cache-control': 'public, max-age=31536000, immutable',
    });
  });

  it.each([
    '/-/manual/other.html',
    '/-/manual/install',
    '/-/manual/..%2findex.html',
    '/-/manual/..%2f..%2fmain.js',
    '/-/manual/constructor',
    '/-/manual/docs/install.html',
  ])('has no %s', async (path) => {
    const { status, headers } = await get(path);
    expect([status, headers['content-type']]).toEqual([404, 'application/problem+json']);
  });

  it.each(['/-/manual/', '/-/manual/install.html'])('cannot be written to at %s', async (path) => {
    const { status, headers } = await get(path, {}, 'POST');
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('says so when it cannot be loaded', async () => {
    failure = new Error('it is not there');
    const { status, body } = await get('/-/manual/');
    failure = undefined;
    expect([status, JSON.parse(body)]).toMatchObject([503, { detail: expect.stringContaining('manual') }]);
  });
});
