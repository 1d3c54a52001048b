// SPDX-License-Identifier: Apache-2.0
import type { Operation } from '@local-datastore/shared/http/operation';
import { open } from '../openapi/describe.ts';
import { createResource, type Resource } from '../resource.ts';

export interface OpenapiRoutesDeps {
  readonly version: string;
  /** Of everything that the datastore answers. */
  listOperations(): readonly Operation[];
}

const DESCRIPTION = {
  title: 'Local datastore for EVE-OS',
  license: { name: 'Apache-2.0' },
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer', description: 'The write token, or the read password.' },
    basic: { type: 'http', scheme: 'basic', description: 'The read credential.' },
  },
};

/** `/-/openapi.json`: the description of everything below `/-/` and of the images. */
export function createOpenapiRoutes({ version, listOperations }: OpenapiRoutesDeps): Resource {
  return createResource([
    open({
      method: 'GET',
      path: '/-/openapi.json',
      summary: 'This document',
      responses: { 200: { description: 'OpenAPI 3.1.' } },
      async handle(_request, response) {
        const { describeApi } = await import('@local-datastore/shared/http/openapi');
        response.json(describeApi({ ...DESCRIPTION, version }, listOperations()));
      },
    }),
  ]);
}
