// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';
import { PROBLEM_MEDIA_TYPE } from './problem.ts';

/** A JSON Schema, as it stands in the description. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** A schema that has a name of its own in the description. */
export interface NamedSchema {
  readonly name: string;
  /** Makes it: most runs describe nothing, and schemas take memory. */
  readonly zod: () => z.ZodType;
}

/** What a request or a response carries. */
export interface Content {
  readonly mediaType: string;
  /** undefined: nothing is said of it. */
  readonly schema?: JsonSchema | NamedSchema;
}

export interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly description: string;
  /** A string, where nothing else is said. */
  readonly schema?: JsonSchema;
  /** Of one in the path: it may be several segments of it. */
  readonly mayHoldSlashes?: boolean;
}

export interface OperationResponse {
  readonly description: string;
  readonly content?: Content;
}

/** One operation of an API, with all that its OpenAPI description says of it. */
export interface Operation {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** As OpenAPI writes it: `/v1/content-trees/{uuid}`. */
  readonly path: string;
  readonly summary: string;
  /** Those of the path may be left out where there is nothing to say of them. */
  readonly parameters?: readonly Parameter[];
  readonly request?: Content & { readonly isRequired?: boolean };
  /** By status. */
  readonly responses: Readonly<Record<number, OperationResponse>>;
  /** Which schemes of authentication let somebody in, each by itself; none: all may. undefined: it is not said. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

export const BINARY: JsonSchema = { type: 'string', format: 'binary' };

/** A response of a JSON document. */
export const jsonResponse = (description: string, schema?: JsonSchema | NamedSchema): OperationResponse => ({
  description,
  content: { mediaType: 'application/json', ...(schema && { schema }) },
});

/** A response of text. */
export const textResponse = (description: string, mediaType = 'text/plain'): OperationResponse => ({
  description,
  content: { mediaType, schema: { type: 'string' } },
});

/** A response of a problem document (RFC 9457). */
export const problemResponse = (description: string, schema: NamedSchema): OperationResponse => ({
  description,
  content: { mediaType: PROBLEM_MEDIA_TYPE, schema },
});

/** The names of the parameters in a path, in their order. */
export const pathParameters = (path: string): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
