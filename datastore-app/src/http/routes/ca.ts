import { sendProblem } from '@local-datastore/shared/http/problem';
import { Router } from 'express';
import { onlyRead } from './only-read.ts';

export interface CaDeps {
  /** The built-in authority's certificate, PEM; undefined: it is not used. */
  authorityPem(): string | undefined;
}

/** `/-/ca.pem`: what goes into EVE's `dsCertPEM`. */
export function createCaRoutes({ authorityPem }: CaDeps): Router {
  const router = Router();
  router
    .route('/-/ca.pem')
    .get((_request, response) => {
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
    })
    .all(onlyRead);
  return router;
}
