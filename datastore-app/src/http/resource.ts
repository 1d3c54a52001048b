// SPDX-License-Identifier: Apache-2.0
import { type Operation, pathParameters } from '@local-datastore/shared/http/operation';
import { refuse } from '@local-datastore/shared/http/refuse';
import { type Request, type RequestHandler, type Response, Router } from 'express';

/** One operation below `/-/`, and what answers it. */
export interface Route extends Operation {
  readonly handle: (request: Request, response: Response) => unknown;
}

/** Some paths of the datastore's own. */
export interface Resource {
  readonly operations: readonly Operation[];
  readonly router: Router;
}

export interface ResourceOptions {
  /** Is asked first, whatever the method. */
  readonly before?: RequestHandler;
  /** Answers the methods that the paths have no route for; without it they get 405. */
  readonly otherwise?: (request: Request, response: Response) => unknown;
}

const ROUTER_METHODS = {
  GET: 'get',
  HEAD: 'head',
  PUT: 'put',
  POST: 'post',
  PATCH: 'patch',
  DELETE: 'delete',
} as const;

const WORDS: Readonly<Partial<Record<Operation['method'], string>>> = {
  GET: 'read with GET or HEAD',
  DELETE: 'removed with DELETE',
};

/** OpenAPI's `{name}` is Express's `:name`, or `*name` where it may hold slashes. */
function toExpressPath({ path, parameters = [] }: Operation): string {
  return pathParameters(path).reduce((text, name) => {
    const isLong = parameters.some((each) => each.in === 'path' && each.name === name && each.mayHoldSlashes);
    return text.replace(`{${name}}`, `${isLong ? '*' : ':'}${name}`);
  }, path);
}

/** Answers methods that a path does not have. */
function refuseMethod(
  methods: readonly Operation['method'][],
): (request: Request, response: Response) => void {
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : method)).join(', ');
  const isReadOnly = methods.join() === 'GET';
  const possible = methods.map((method) => WORDS[method] ?? `used with ${method}`).join(', and ');
  const words = isReadOnly ? 'can be read only: with GET, or HEAD.' : `can be ${possible}.`;
  return (request, response) => {
    refuse(request, response, { status: 405, detail: `${request.path} ${words}` }, { Allow: allow });
  };
}

/** Makes a router, and a part of the description, of the same table. */
export function createResource(routes: readonly Route[], options: ResourceOptions = {}): Resource {
  const { before, otherwise } = options;
  const router = Router();
  for (const [path, own] of Map.groupBy(routes, toExpressPath)) {
    if (before !== undefined) router.all(path, before);
    const onPath = router.route(path);
    // Express answers HEAD by the first route of either.
    const inOrder = own.toSorted((a, b) => Number(b.method === 'HEAD') - Number(a.method === 'HEAD'));
    for (const { method, handle } of inOrder) {
      onPath[ROUTER_METHODS[method]](async (request, response) => {
        await handle(request, response);
      });
    }
    const answerOther = otherwise ?? refuseMethod(own.map(({ method }) => method));
    onPath.all(async (request, response) => {
      await answerOther(request, response);
    });
  }
  return { operations: routes, router };
}
