// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, expect, it } from 'vitest';
import { createApi } from './api.ts';
import { IMAGE_PATH } from './openapi/describe.ts';
import { createResource, type ResourceOptions, type Route } from './resource.ts';

let server: Server;
afterEach(() => server.close());

const routeOf = (method: Route['method'], path: string, more: Partial<Route> = {}): Route => ({
  method,
  path,
  summary: `${method} ${path}`,
  responses: {},
  handle: (request, response) =>
    response.json({ by: `${method} ${path}`, parameters: { ...request.params } }),
  ...more,
});

async function serve(routes: readonly Route[], options?: ResourceOptions) {
  const resource = createResource(routes, options);
  server = createServer(createApi({ log: silentLog }, [resource])).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return async (method: string, path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    const body = await response.text();
    return { status: response.status, allow: response.headers.get('allow'), body: body && JSON.parse(body) };
  };
}

it('sends each method and path to its route', async () => {
  const parameters = [IMAGE_PATH];
  const ask = await serve([
    routeOf('GET', '/-/all'),
    routeOf('GET', '/-/all/{path}', { parameters }),
    routeOf('DELETE', '/-/all/{path}', { parameters }),
    routeOf('GET', '/-/one/{name}'),
  ]);
  expect((await ask('GET', '/-/all')).body.by).toBe('GET /-/all');
  expect((await ask('GET', '/-/all/a/b')).body).toMatchObject({ parameters: { path: ['a', 'b'] } });
  expect((await ask('DELETE', '/-/all/a')).body.by).toBe('DELETE /-/all/{path}');
  expect((await ask('GET', '/-/one/a')).body).toMatchObject({ parameters: { name: 'a' } });
  expect((await ask('GET', '/-/one/a/b')).status).toBe(404);
});

it('answers HEAD by its own route, where there is one', async () => {
  const seen: string[] = [];
  const head = routeOf('HEAD', '/-/both', {
    handle(_request, response) {
      seen.push('HEAD');
      response.end();
    },
  });
  const ask = await serve([routeOf('GET', '/-/both'), head, routeOf('GET', '/-/get')]);
  expect((await ask('HEAD', '/-/both')).status).toBe(200);
  expect(seen).toEqual(['HEAD']);
  expect((await ask('HEAD', '/-/get')).status).toBe(200);
});

it.each([
  ['/-/read', 'GET, HEAD', '/-/read can be read only: with GET, or HEAD.'],
  ['/-/more', 'GET, HEAD, DELETE', '/-/more can be read with GET or HEAD, and removed with DELETE.'],
  ['/-/send', 'POST', '/-/send can be used with POST.'],
])('says what can be done at %s', async (path, allow, detail) => {
  const ask = await serve([
    routeOf('GET', '/-/read'),
    routeOf('GET', '/-/more'),
    routeOf('DELETE', '/-/more'),
    routeOf('POST', '/-/send'),
  ]);
  for (const method of ['PUT', 'OPTIONS']) {
    expect(await ask(method, path)).toMatchObject({ status: 405, allow, body: { detail } });
  }
});

it('has all methods go through what is asked first, and other methods answered by what is given', async () => {
  const ask = await serve([routeOf('GET', '/-/asked')], {
    before(request, response, next) {
      if (request.method === 'DELETE') response.status(401).json({});
      else next();
    },
    otherwise: (request, response) => response.json({ by: `otherwise ${request.method}` }),
  });
  expect((await ask('GET', '/-/asked')).body.by).toBe('GET /-/asked');
  expect((await ask('PUT', '/-/asked')).body.by).toBe('otherwise PUT');
  expect((await ask('DELETE', '/-/asked')).status).toBe(401);
});

it('hands failures on, of whatever kind', async () => {
  const ask = await serve([
    routeOf('GET', '/-/late', { handle: () => Promise.reject(new Error('late')) }),
    routeOf('GET', '/-/soon', {
      handle() {
        throw new Error('soon');
      },
    }),
  ]);
  expect((await ask('GET', '/-/late')).status).toBe(500);
  expect((await ask('GET', '/-/soon')).status).toBe(500);
});
