// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { silentLog } from '@local-datastore/shared/log';
import { siteOf } from '@local-datastore/shared/web/site';
import { afterEach, describe, expect, it } from 'vitest';
import { createPageRoutes } from './page-routes.ts';
import { createRouter } from './router.ts';

const file = (name: string, content: string) => ({
  name,
  content: Buffer.from(content),
  gzip: Buffer.from('gzip'),
  brotli: undefined,
});
const PAGE = siteOf([file('index.html', '<html>'), file('main-1.js', 'code')]);

let server: Server;
afterEach(() => server.close());

async function serve(loadPage: Parameters<typeof createPageRoutes>[0]['loadPage']) {
  server = createServer(createRouter(createPageRoutes({ log: silentLog, loadPage }), silentLog));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return async (path: string, headers: Record<string, string> = {}) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, headers, agent: false });
    const [response] = await once(request.end(), 'response');
    return {
      status: response.statusCode as number,
      headers: response.headers as Record<string, string>,
      body: (await buffer(response)).toString(),
    };
  };
}

it('is off where nobody has opened it, and says how that is done', async () => {
  const get = await serve(null);
  for (const path of ['/', '/page/main-1.js']) {
    const { status, body } = await get(path);
    expect([status, body]).toEqual([404, expect.stringContaining('start the agent with --page')]);
  }
});

describe('where it is open', () => {
  it('comes under a strict policy, and once', async () => {
    const get = await serve(async () => PAGE);
    const { status, headers, body } = await get('/');
    expect([status, body]).toEqual([200, '<html>']);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
      'x-content-type-options': 'nosniff',
    });
    for (const known of [headers.etag, `"other", W/${headers.etag}`]) {
      expect(await get('/', { 'If-None-Match': known ?? '' })).toMatchObject({ status: 304, body: '' });
    }
    expect((await get('/', { 'If-None-Match': '"other"' })).status).toBe(200);
  });

  it('has its parts in the form that is taken, to be kept for ever', async () => {
    const get = await serve(async () => PAGE);
    const { headers, body } = await get('/page/main-1.js', { 'Accept-Encoding': 'gzip, br' });
    expect(body).toBe('gzip');
    expect(headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-length': '4',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect((await get('/page/main-1.js')).body).toBe('code');
  });

  it.each(['/page/main-2.js', '/page/index.html', '/page/..%2findex.html', '/page/'])(
    'has no %s',
    async (path) => {
      const get = await serve(async () => PAGE);
      expect((await get(path)).status).toBe(404);
    },
  );

  it('says so where it cannot be loaded', async () => {
    const get = await serve(() => Promise.reject(new Error('it is not there')));
    expect((await get('/')).status).toBe(503);
  });
});
