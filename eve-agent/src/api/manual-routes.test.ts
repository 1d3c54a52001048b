// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { silentLog } from '@local-datastore/shared/log';
import type { LoadSite } from '@local-datastore/shared/web/load-sites';
import { siteOf } from '@local-datastore/shared/web/site';
import { afterEach, describe, expect, it } from 'vitest';
import { createManualRoutes } from './manual-routes.ts';
import { createRouter } from './router.ts';

const file = (name: string, content: string) => ({
  name,
  content: Buffer.from(content),
  gzip: Buffer.from(`gzip of ${content}`),
  brotli: undefined,
});
const MANUAL = siteOf([
  file('index.html', 'start'),
  file('install.html', 'install'),
  file('manual-1.css', 'styles'),
]);

let server: Server;
afterEach(() => server.close());

async function serve(loadManual: LoadSite | null) {
  server = createServer(createRouter(createManualRoutes({ log: silentLog, loadManual }), silentLog));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return async (path: string, headers: Record<string, string> = {}) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, headers, agent: false });
    const [response] = await once(request.end(), 'response');
    return {
      status: response.statusCode as number,
      headers: response.headers as IncomingHttpHeaders,
      body: await text(response),
    };
  };
}

it('is off with the page, and says how that is opened', async () => {
  const get = await serve(null);
  for (const path of ['/manual/', '/manual/install.html']) {
    const { status, body } = await get(path);
    expect([status, body]).toEqual([404, expect.stringContaining('start the agent with --page')]);
  }
});

describe('where it is open', () => {
  it('is where its name without a slash leads', async () => {
    const get = await serve(async () => MANUAL);
    const { status, headers } = await get('/manual');
    expect([status, headers.location]).toEqual([302, '/manual/']);
  });

  it.each([
    ['/manual/', 'start'],
    ['/manual/index.html', 'start'],
    ['/manual/install.html', 'install'],
  ])('has a document at %s, under a strict policy and once', async (path, content) => {
    const get = await serve(async () => MANUAL);
    const { status, headers, body } = await get(path);
    expect([status, body]).toEqual([200, content]);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
      vary: 'Accept-Encoding',
    });
    const again = await get(path, { 'If-None-Match': headers.etag ?? '' });
    expect([again.status, again.body]).toEqual([304, '']);
    const compressed = await get(path, {
      'Accept-Encoding': 'gzip, br',
      'If-None-Match': headers.etag ?? '',
    });
    expect([compressed.status, compressed.body]).toEqual([200, `gzip of ${content}`]);
  });

  it('has its styles, to be kept for ever', async () => {
    const get = await serve(async () => MANUAL);
    const { headers, body } = await get('/manual/manual-1.css');
    expect([headers['cache-control'], body]).toEqual(['public, max-age=31536000, immutable', 'styles']);
  });

  it.each([
    '/manual/other.html',
    '/manual/..%2findex.html',
    '/manual/constructor',
    '/manual/docs/install.html',
  ])('has no %s', async (path) => {
    const get = await serve(async () => MANUAL);
    const { status, headers } = await get(path);
    expect([status, headers['content-type']]).toEqual([404, 'application/problem+json']);
  });

  it('says so where it cannot be loaded', async () => {
    const get = await serve(() => Promise.reject(new Error('it is not there')));
    expect((await get('/manual/')).status).toBe(503);
  });
});
