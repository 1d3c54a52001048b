import { expect, it } from 'vitest';
import { createActivity } from '../../activity/activity.ts';
import { createRouters, type RequestHandlerOptions, type RouterDeps } from '../request-handler.ts';
import { openapiDocument } from './document.ts';

const METHODS = ['get', 'head', 'put', 'post', 'patch', 'delete'];
/** Where a router takes all that is left over, tus answers these. */
const BY_TUS: Readonly<Record<string, readonly string[]>> = {
  '/-/api/v1/uploads': ['post'],
  '/-/api/v1/uploads/{id}': ['patch', 'delete'],
};

const paths = openapiDocument('1.2.3').paths as Record<string, Record<string, object>>;

/** Express's `*path` and `:name` are OpenAPI's `{path}` and `{name}`. */
const templateOf = (path: string) => path.replace(/[*:](\w+)/g, '{$1}');

function routes(): Set<string> {
  const deps = {
    activity: createActivity(),
    catalogue: {},
    guard: { isReadOpen: true },
  } as unknown as RouterDeps;
  const found = new Set<string>();
  for (const router of createRouters(deps, { root: '/', version: '1' } as RequestHandlerOptions)) {
    for (const { route } of router.stack) {
      if (route === undefined) continue;
      for (const path of [route.path].flat()) {
        const template = templateOf(path);
        for (const layer of route.stack)
          if (layer.method !== undefined) found.add(`${layer.method} ${template}`);
        for (const method of BY_TUS[template] ?? []) found.add(`${method} ${template}`);
      }
    }
  }
  return found;
}

it('describes every route, and none that is not there', () => {
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method} ${path}`),
  );
  const own = described.filter((each) => !each.endsWith(' /{path}'));
  expect(own.sort()).toEqual([...routes()].sort());
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
  const document = openapiDocument('1.2.3');
  const { schemas } = document.components as { schemas: object };
  for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    expect(Object.keys(schemas)).toContain(name);
  }
});
