import { contentTreeStatusSchema } from '@local-datastore/shared/eve/content-tree-status';
import * as z from 'zod';
import type { Route } from './router.ts';

function operation({ path, summary, query = {}, requestType, responses }: Route) {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(query).map(([name, description]) => ({
      name,
      in: 'query',
      description,
      schema: { type: 'string' },
    })),
  ];
  const answers = Object.entries(responses).map(([status, { type, description }]) => [
    status,
    { description, ...(type !== undefined && { content: { [type]: {} } }) },
  ]);
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(requestType !== undefined && { requestBody: { required: true, content: { [requestType]: {} } } }),
    responses: {
      ...Object.fromEntries(answers),
      default: { description: 'What went wrong (RFC 9457)', content: { 'application/problem+json': {} } },
    },
  };
}

/** The OpenAPI 3.1 description of a table of routes. */
export function describeRoutes(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'eve-agent',
      version,
      description:
        'What the service does for its device, and how to steer it. HEAD is answered wherever GET is.',
    },
    paths,
    components: { schemas: { ContentTreeStatus: z.toJSONSchema(contentTreeStatusSchema) } },
  };
}
