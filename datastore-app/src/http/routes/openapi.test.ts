// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OpenapiDocument } from '@local-datastore/shared/http/openapi';
import { silentLog } from '@local-datastore/shared/log';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createActivity } from '../../activity/activity.ts';
import { createApi } from '../api.ts';
import { IMAGE_OPERATIONS } from '../openapi/image-operations.ts';
import { createResources, type RequestHandlerOptions, type ResourceDeps } from '../request-handler.ts';

const METHODS = ['get', 'head', 'put', 'post', 'patch', 'delete'];

const resources = createResources(
  {
    log: silentLog,
    activity: createActivity(),
    catalogue: {},
    guard: { isReadOpen: true },
    parsing: {},
  } as unknown as ResourceDeps,
  { root: '/', version: '1.2.3' } as RequestHandlerOptions,
);
let server: Server;
let document: OpenapiDocument;
let paths: OpenapiDocument['paths'];

beforeAll(async () => {
  server = createServer(createApi({ log: silentLog }, resources)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/-/openapi.json`);
  document = (await response.json()) as OpenapiDocument;
  paths = document.paths;
});
afterAll(() => server.close());

it('describes every route of the routers, and none that is not there', () => {
  const routes = resources.flatMap(({ router }) =>
    router.stack.flatMap(({ route }) =>
      (route?.stack ?? []).flatMap(({ method }) =>
        // What has no method answers all others.
        method ? `${method} ${route?.path.replace(/[*:](\w+)/g, '{$1}')}` : [],
      ),
    ),
  );
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method} ${path}`),
  );
  const images = IMAGE_OPERATIONS.map(({ method, path }) => `${method.toLowerCase()} ${path}`);
  expect(described.sort()).toEqual([...routes, ...images].sort());
});

it('says of each operation what it does, what it answers, and who may', () => {
  for (const item of Object.values(paths)) {
    for (const [method, operation] of Object.entries(item)) {
      expect(METHODS).toContain(method);
      expect(operation).toMatchObject({
        summary: expect.any(String),
        security: expect.any(Array),
        responses: expect.any(Object),
      });
    }
  }
});

it('names every path parameter, and refers to what is there', () => {
  for (const [path, item] of Object.entries(paths)) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const operation of Object.values(item) as { parameters?: { in: string; name: string }[] }[]) {
      const described = (operation.parameters ?? []).filter((each) => each.in === 'path');
      expect(described.map(({ name }) => name)).toEqual(names);
    }
  }
  const { schemas } = document.components;
  for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    expect(Object.keys(schemas)).toContain(name);
  }
});
