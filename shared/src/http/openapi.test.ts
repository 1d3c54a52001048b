// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { describeApi } from './openapi.ts';
import { BINARY, jsonResponse, type Operation, problemResponse, textResponse } from './operation.ts';
import { problemSchema } from './problem-schema.ts';

const IMAGE = { name: 'Image', zod: () => z.object({ path: z.string() }) };
const PROBLEM = { name: 'Problem', zod: problemSchema };
const INFO = { title: 'An API', version: '1.2.3' };

const READ: Operation = {
  method: 'GET',
  path: '/images/{path}',
  summary: 'One image',
  responses: { 200: jsonResponse('It.', IMAGE), 404: problemResponse('There is none.', PROBLEM) },
};
const WRITE: Operation = {
  method: 'PUT',
  path: '/images/{path}',
  summary: 'Publishes an image',
  parameters: [
    { in: 'header', name: 'If-Match', description: 'Which one.' },
    { in: 'path', name: 'path', description: 'Below the root.', mayHoldSlashes: true },
    { in: 'query', name: 'empty', description: 'Whether.', schema: { type: 'boolean' } },
  ],
  request: { mediaType: 'application/octet-stream', schema: BINARY, isRequired: true },
  responses: { 204: { description: 'Done.' } },
  security: [{ bearer: [] }],
};

describe('a table of operations', () => {
  it('is described by path and method', () => {
    const securitySchemes = { bearer: { type: 'http', scheme: 'bearer' } };
    const otherwise = textResponse('Else.');
    expect(describeApi({ ...INFO, securitySchemes, otherwise }, [READ, WRITE])).toEqual({
      openapi: '3.1.0',
      info: INFO,
      paths: {
        '/images/{path}': {
          get: {
            operationId: 'getImagesByPath',
            summary: 'One image',
            parameters: [{ in: 'path', name: 'path', required: true, schema: { type: 'string' } }],
            responses: {
              200: {
                description: 'It.',
                content: { 'application/json': { schema: { $ref: '#/components/schemas/Image' } } },
              },
              404: {
                description: 'There is none.',
                content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
              },
              default: {
                description: 'Else.',
                content: { 'text/plain': { schema: { type: 'string' } } },
              },
            },
          },
          put: {
            operationId: 'putImagesByPath',
            summary: 'Publishes an image',
            security: [{ bearer: [] }],
            parameters: [
              {
                in: 'path',
                name: 'path',
                description: 'Below the root.',
                required: true,
                schema: { type: 'string' },
              },
              { in: 'header', name: 'If-Match', description: 'Which one.', schema: { type: 'string' } },
              { in: 'query', name: 'empty', description: 'Whether.', schema: { type: 'boolean' } },
            ],
            requestBody: {
              required: true,
              content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
            },
            responses: {
              204: { description: 'Done.' },
              default: {
                description: 'Else.',
                content: { 'text/plain': { schema: { type: 'string' } } },
              },
            },
          },
        },
      },
      components: {
        schemas: {
          Image: expect.objectContaining({ type: 'object', required: ['path'] }),
          Problem: expect.objectContaining({ description: 'RFC 9457.' }),
        },
        securitySchemes,
      },
    });
  });

  it('has each schema once, in the dialect of the document', () => {
    const { schemas } = describeApi(INFO, [READ, { ...READ, path: '/other' }]).components;
    expect(Object.keys(schemas)).toEqual(['Image', 'Problem']);
    expect(schemas.Image).not.toHaveProperty('$schema');
  });

  it('cannot have an operation twice, nor two schemas of one name', () => {
    expect(() => describeApi(INFO, [READ, READ])).toThrow('GET /images/{path} is described twice');
    const other = { 200: jsonResponse('It.', { name: 'Image', zod: () => z.string() }) };
    expect(() => describeApi(INFO, [READ, { ...WRITE, responses: other }])).toThrow('called Image');
    const same = { ...READ, path: '/v1/images/{path}' };
    expect(() => describeApi(INFO, [READ, same])).toThrow('two operations are called getImagesByPath');
  });
});
