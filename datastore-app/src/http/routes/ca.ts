// SPDX-License-Identifier: Apache-2.0
import { textResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { open, problems } from '../openapi/describe.ts';
import { createResource, type Resource } from '../resource.ts';

export interface CaDeps {
  /** The built-in authority's certificate, PEM; undefined: it is not used. */
  authorityPem(): string | undefined;
}

/** `/-/ca.pem`: what goes into EVE's `dsCertPEM`. */
export function createCaRoutes({ authorityPem }: CaDeps): Resource {
  return createResource([
    open({
      method: 'GET',
      path: '/-/ca.pem',
      summary: "The built-in authority's certificate: EVE's dsCertPEM",
      responses: { 200: textResponse('PEM.', 'application/x-pem-file'), ...problems(404) },
      handle(_request, response) {
        const pem = authorityPem();
        if (pem === undefined) {
          const detail =
            'The built-in authority is not in use: either TLS is off (--tls authority turns it on), ' +
            'or the certificate was given, and whoever gave it knows its authority.';
          sendProblem(response, { status: 404, detail });
          return;
        }
        // As bytes: Express would say a character set for a text.
        response.type('application/x-pem-file').send(Buffer.from(pem));
      },
    }),
  ]);
}
