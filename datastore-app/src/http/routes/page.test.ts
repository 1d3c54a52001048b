// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createLog } from '@local-datastore/shared/log';
import { siteOf } from '@local-datastore/shared/web/site';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../api.ts';
import { createPageRoutes } from './page.ts';

const file = (name: string, content: string, isCompressed = true) => ({
  name,
  content: Buffer.from(content),
  gzip: isCompressed ? Buffer.from('gzip') : undefined,
  brotli: isCompressed ? Buffer.from('brotli') : undefined,
});
const PAGE = siteOf([
  file('index.html', '<html>', false),
  file('main-1.js', 'code'),
  file('icon-1.svg', '<svg>', false),
]);

let server: Server;
let origin: string;
let failure: Error | undefined;

beforeAll(async () => {
  const log = createLog('test', 'silent');
  const loadPage = async () => {
    if (failure !== undefined) throw failure;
    return PAGE;
  };
  server = createServer(createApi({ log }, [createPageRoutes({ log, loadPage })])).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${origin}${path}`, { headers, method, redirect: 'manual' });

const BROWSER = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('/-/', () => {
  it('is where / leads', async () => {
    const { status, headers } = await get('/');
    expect([status, headers.get('location')]).toEqual([302, '/-/']);
  });

  it('gives a browser the page, under a strict policy', async () => {
    const response = await get('/-/', BROWSER);
    expect(await response.text()).toBe('<html>');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      vary: 'Accept, Accept-Encoding',
    });
    expect(response.headers.get('content-encoding')).toBeNull();
  });

  it('is not sent again while it is the same', async () => {
    const etag = (await get('/-/', BROWSER)).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"sha256:[0-9a-f]{64}"$/);
    // fetch would add "Cache-Control: no-cache" to a condition of one's own.
    const { port } = server.address() as AddressInfo;
    const headers = { ...BROWSER, 'If-None-Match': etag };
    const request = httpRequest({ host: '127.0.0.1', port, path: '/-/', headers, agent: false });
    const [again] = await once(request.end(), 'response');
    expect([again.statusCode, await text(again)]).toEqual([304, '']);
  });

  it.each([{ Accept: '*/*' }, { Accept: 'text/plain' }, { Accept: 'application/json' }])(
    'gives plain text to who asks for %j',
    async (headers) => {
      const response = await get('/-/', headers);
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      expect(await response.text()).toContain('curl -T');
    },
  );

  it('says so when the page cannot be loaded, and serves it when it can again', async () => {
    failure = new Error('esbuild is not installed');
    const response = await get('/-/', BROWSER);
    expect([response.status, await response.json()]).toMatchObject([503, { status: 503 }]);
    failure = undefined;
    expect((await get('/-/', BROWSER)).status).toBe(200);
  });
});

describe('/-/assets/', () => {
  it.each([
    ['gzip, deflate, br', 'br'],
    ['br;q=0.1, gzip', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['identity', null],
    ['deflate', null],
  ])('to "Accept-Encoding: %s" answers in %s', async (accepted, encoding) => {
    const { status, headers } = await get('/-/assets/main-1.js', { 'Accept-Encoding': accepted }, 'HEAD');
    expect(status).toBe(200);
    expect(headers.get('content-encoding')).toBe(encoding);
    expect(headers.get('content-length')).toBe(String(encoding === null ? 4 : encoding === 'br' ? 6 : 4));
    expect(headers.get('vary')).toBe('Accept-Encoding');
  });

  it('may be kept for ever', async () => {
    const response = await get('/-/assets/icon-1.svg', { 'Accept-Encoding': 'br' });
    expect(await response.text()).toBe('<svg>');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/svg+xml',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    });
  });

  it.each(['/-/assets/main-2.js', '/-/assets/index.html', '/-/assets/..%2findex.html', '/-/assets/'])(
    'has no %s',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(response.headers.get('cache-control')).toBe('no-store');
    },
  );

  it.each(['/', '/-/', '/-/assets/main-1.js'])('cannot be written to at %s', async (path) => {
    const response = await get(path, {}, 'POST');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});
