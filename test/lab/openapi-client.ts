// SPDX-License-Identifier: Apache-2.0
import type { OpenapiDocument } from '@local-datastore/shared/http/openapi';
import * as z from 'zod';

/** How a client reaches what it has the description of. */
export type Transport = (request: {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}) => Promise<{ readonly status: number; readonly mediaType: string; readonly text: string }>;

/** What an operation is called with. */
export interface Arguments {
  /** Of the path, the query and the headers, by their names. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const content = z.record(z.string(), z.looseObject({ schema: z.record(z.string(), z.unknown()).optional() }));
const operationSchema = z.looseObject({
  operationId: z.string(),
  parameters: z.array(
    z.looseObject({
      in: z.enum(['path', 'query', 'header']),
      name: z.string(),
      required: z.boolean().optional(),
    }),
  ),
  requestBody: z.looseObject({ content }).optional(),
  responses: z.record(z.string(), z.looseObject({ content: content.optional() })),
});

/** A schema of the description, which may name others of it. */
function schemaOf(document: OpenapiDocument, schema: object): z.ZodType {
  const whole = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')));
}

/**
 * A client that is made of an OpenAPI description, and knows nothing else: it calls an operation by its id, and holds
 * the answer against the schema of its status.
 *
 * @returns calls an operation; throws where the description does not know what is asked for, or what is answered
 */
export function createOpenapiClient(document: OpenapiDocument, transport: Transport) {
  const operations = new Map(
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, described]) => {
        const operation = operationSchema.parse(described);
        return [operation.operationId, { path, method: method.toUpperCase(), ...operation }] as const;
      }),
    ),
  );

  return async (id: string, { parameters = {}, body }: Arguments = {}) => {
    const operation = operations.get(id);
    if (operation === undefined) throw new Error(`there is no operation ${id}`);
    const { method, requestBody, responses } = operation;
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    let { path } = operation;
    const left = new Set(Object.keys(parameters));
    for (const { in: place, name, required } of operation.parameters) {
      const value = parameters[name];
      if (value === undefined && required === true) throw new Error(`${id} needs ${name}`);
      if (value === undefined) continue;
      left.delete(name);
      if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
      else if (place === 'query') query.set(name, value);
      else headers[name] = value;
    }
    if (left.size > 0) throw new Error(`${id} does not take ${[...left].join(', ')}`);
    if (body !== undefined) {
      const [mediaType] = Object.keys(requestBody?.content ?? {});
      if (mediaType === undefined) throw new Error(`${id} takes no body`);
      headers['Content-Type'] = mediaType;
    }
    const answer = await transport({
      ...{ method, path: query.size > 0 ? `${path}?${query}` : path, headers },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    const described = responses[answer.status] ?? responses.default;
    if (described === undefined)
      throw new Error(`${id} is answered by ${answer.status}, which nobody described`);
    if (described.content === undefined) return { status: answer.status, document: undefined };
    const told = described.content[answer.mediaType];
    if (told === undefined)
      throw new Error(`${id} is answered in ${answer.mediaType}, which nobody described`);
    if (!/[/+]json$/.test(answer.mediaType)) return { status: answer.status, document: answer.text };
    const found: unknown = JSON.parse(answer.text);
    return { status: answer.status, document: schemaOf(document, told.schema ?? {}).parse(found) };
  };
}
