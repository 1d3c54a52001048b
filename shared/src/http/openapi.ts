// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import {
  type Content,
  type JsonSchema,
  type NamedSchema,
  type Operation,
  type OperationResponse,
  type Parameter,
  pathParameters,
} from './operation.ts';

/** What is said of an API as a whole. */
export interface ApiDescription {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: { readonly name: string };
  /** OpenAPI's Security Scheme Objects, by the names that operations refer to. */
  readonly securitySchemes?: Readonly<Record<string, object>>;
  /** Of every operation: what it answers with any other status. */
  readonly otherwise?: OperationResponse;
}

export interface OpenapiDocument {
  readonly openapi: '3.1.0';
  readonly info: Omit<ApiDescription, 'securitySchemes' | 'otherwise'>;
  /** By path, then by method in lower case. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes?: Readonly<Record<string, object>>;
  };
}

function toJsonSchema(schema: z.ZodType): object {
  // The dialect is OpenAPI 3.1's own.
  const { $schema: _, ...rest } = z.toJSONSchema(schema);
  return rest;
}

const describeParameter = ({
  mayHoldSlashes: _,
  ...parameter
}: Omit<Parameter, 'description'> & Partial<Parameter>) => ({
  ...parameter,
  schema: parameter.schema ?? { type: 'string' },
  ...(parameter.in === 'path' && { required: true }),
});

function describeParameters({ path, parameters = [] }: Operation): object[] {
  const inPath = pathParameters(path).map((name) => {
    const said = parameters.find((each) => each.in === 'path' && each.name === name);
    return describeParameter(said ?? { in: 'path', name });
  });
  return [...inPath, ...parameters.filter((each) => each.in !== 'path').map(describeParameter)];
}

/** What stands in every path, and tells nothing. */
const UNTOLD = new Set(['', '-', 'api', 'v1']);
const capitalized = (word: string) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;

/** How generated clients call an operation, such as `getImagesByPath`: made of method and path, which stay. */
export function operationIdOf({ method, path }: Pick<Operation, 'method' | 'path'>): string {
  const words = path
    .split('/')
    .filter((segment) => !UNTOLD.has(segment))
    .flatMap((segment) => segment.replace(/^\{/, 'by-').split(/[^A-Za-z0-9]+/));
  return `${method.toLowerCase()}${words.map(capitalized).join('') || (path === '/' ? 'Root' : 'Page')}`;
}

/**
 * The OpenAPI 3.1 description of a table of operations.
 *
 * @throws Error when two operations have the same method and path or the same id, or two schemas the same name
 */
export function describeApi(
  { securitySchemes, otherwise, ...info }: ApiDescription,
  operations: readonly Operation[],
): OpenapiDocument {
  const named = new Map<string, NamedSchema>();

  function describeSchema(schema: JsonSchema | NamedSchema): object {
    if (!isNamed(schema)) return schema;
    const known = named.get(schema.name);
    if (known !== undefined && known.zod !== schema.zod) {
      throw new Error(`two schemas are called ${schema.name}`);
    }
    named.set(schema.name, schema);
    return { $ref: `#/components/schemas/${schema.name}` };
  }
  const describeContent = ({ mediaType, schema }: Content) => ({
    content: { [mediaType]: schema === undefined ? {} : { schema: describeSchema(schema) } },
  });
  const describeResponse = ({ description, content }: OperationResponse) => ({
    description,
    ...(content && describeContent(content)),
  });

  function describeOperation(operation: Operation): object {
    const { summary, security, request, responses } = operation;
    const answers = Object.entries(responses).map(([status, response]) => [
      status,
      describeResponse(response),
    ]);
    return {
      operationId: operationIdOf(operation),
      ...(security && { security }),
      summary,
      parameters: describeParameters(operation),
      ...(request && {
        requestBody: { ...(request.isRequired && { required: true }), ...describeContent(request) },
      }),
      responses: {
        ...Object.fromEntries(answers),
        ...(otherwise && { default: describeResponse(otherwise) }),
      },
    };
  }

  const paths: Record<string, Record<string, object>> = {};
  const ids = new Set<string>();
  for (const operation of operations) {
    const item = paths[operation.path] ?? {};
    const method = operation.method.toLowerCase();
    if (item[method] !== undefined) {
      throw new Error(`${operation.method} ${operation.path} is described twice`);
    }
    const id = operationIdOf(operation);
    if (ids.has(id)) throw new Error(`two operations are called ${id}`);
    ids.add(id);
    paths[operation.path] = { ...item, [method]: describeOperation(operation) };
  }
  const schemas = [...named.values()].map(({ name, zod }) => [name, toJsonSchema(zod())]);
  return {
    openapi: '3.1.0',
    info,
    paths,
    components: { schemas: Object.fromEntries(schemas), ...(securitySchemes && { securitySchemes }) },
  };
}

function isNamed(schema: JsonSchema | NamedSchema): schema is NamedSchema {
  return 'zod' in schema;
}
