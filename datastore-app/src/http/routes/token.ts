// SPDX-License-Identifier: Apache-2.0
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { refuse } from '@local-datastore/shared/http/refuse';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import type { Request, Response } from 'express';
import * as z from 'zod';
import { parseBasic, parseBearer } from '../../access/credential.ts';
import { TOKEN_PATH } from '../../access/token-realm.ts';
import type { TokenAnswer, TokenRequest, TokenService } from '../../access/token-service.ts';
import { clientFingerprint } from '../client-certificate.ts';
import { readForm } from '../form-body.ts';
import { problems, query, token as tokenOperation } from '../openapi/describe.ts';
import { createResource, type Resource } from '../resource.ts';

export const tokenSchema = () =>
  z.object({
    token: z.string().describe('For Authorization: Bearer, below /v2/.'),
    access_token: z.string().describe('The same, as OAuth 2 calls it.'),
    expires_in: z.number().int().describe('Seconds, from now on.'),
    token_type: z.literal('Bearer').optional(),
    scope: z.string().optional().describe('What of it was granted.'),
  });

const formSchema = {
  type: 'object',
  properties: Object.fromEntries(
    ['grant_type', 'username', 'password', 'service', 'scope', 'client_id', 'access_type'].map((name) => [
      name,
      { type: 'string' },
    ]),
  ),
};

export interface TokenRoutesDeps {
  readonly issue: TokenService;
}

/** A registry's clients send empty parameters as well as none. */
const given = (text: string | null) => (text === null || text === '' ? undefined : text);

function loginOf({ headers: { authorization } }: Request): TokenRequest['login'] {
  if (authorization === undefined) return undefined;
  const bearer = parseBearer(authorization);
  return bearer === undefined ? parseBasic(authorization) : { user: '', password: bearer };
}

/** `/-/token`: tokens for the registry, by Docker's way (GET) and by that of OAuth 2 (POST, RFC 6749 §4.3). */
export function createTokenRoutes({ issue }: TokenRoutesDeps): Resource {
  function refuseToken(
    request: Request,
    response: Response,
    answer: Exclude<TokenAnswer, { kind: 'issued' }>,
  ): void {
    if (answer.kind === 'other-service') {
      sendProblem(response, { status: 400, detail: 'Tokens are issued here for this registry alone.' });
    } else if (answer.kind === 'wrong') {
      const challenge = { 'WWW-Authenticate': 'Basic realm="local-datastore", charset="UTF-8"' };
      sendProblem(response, { status: 401, detail: 'The credential is wrong.' }, challenge);
    } else {
      const seconds = answer.retryAfterSeconds;
      const detail = `Too many wrong credentials came from ${clientAddress(request.socket)}: try again in ${seconds} s.`;
      sendProblem(response, { status: 429, detail }, { 'Retry-After': String(seconds) });
    }
  }

  const answerWith = async (
    request: Request,
    response: Response,
    parameters: URLSearchParams,
    login: TokenRequest['login'],
    more: (issued: { scope: string }) => object,
  ) => {
    const answer = await issue({
      client: clientAddress(request.socket),
      login,
      fingerprint: clientFingerprint(request.socket),
      service: given(parameters.get('service')),
      scopes: parameters.getAll('scope'),
    });
    if (answer.kind !== 'issued') {
      refuseToken(request, response, answer);
      return;
    }
    const { token, lifetimeSeconds } = answer;
    // Without `issued_at`: who has no right clock counts from its own now.
    response.json({ token, access_token: token, expires_in: lifetimeSeconds, ...more(answer) });
  };

  return createResource([
    tokenOperation({
      method: 'GET',
      path: TOKEN_PATH,
      summary: 'A token for the registry, as docker, podman and skopeo ask for it',
      parameters: [
        query('service', 'The registry: the host name of the datastore.'),
        query('scope', 'Such as repository:lab/app:pull,push; several times, or with spaces.'),
        query('account', 'The name in the credential.'),
        query('client_id', 'The name of the client.'),
      ],
      responses: {
        200: jsonResponse('What of it is granted.', { name: 'RegistryToken', zod: tokenSchema }),
        ...problems(400, 401, 429),
      },
      handle: (request, response) => {
        const { searchParams } = new URL(request.url, 'http://localhost');
        return answerWith(request, response, searchParams, loginOf(request), () => ({}));
      },
    }),
    tokenOperation({
      method: 'POST',
      path: TOKEN_PATH,
      summary: 'A token for the registry, as containerd asks for it (OAuth 2, grant_type=password)',
      request: { mediaType: 'application/x-www-form-urlencoded', schema: formSchema, isRequired: true },
      responses: {
        200: jsonResponse('What of it is granted.', { name: 'RegistryToken', zod: tokenSchema }),
        ...problems(400, 401, 403, 413, 415, 429),
      },
      async handle(request, response) {
        const body = await readForm(request, response);
        if (body.kind === 'refused') {
          refuse(request, response, body.problem);
          return;
        }
        const { form } = body;
        if (form.get('grant_type') !== 'password') {
          const detail = 'Tokens are issued for a name and its password alone: grant_type=password.';
          sendProblem(response, { status: 400, code: 'GRANT_TYPE_UNSUPPORTED', detail });
          return;
        }
        const login = { user: form.get('username') ?? '', password: form.get('password') ?? '' };
        await answerWith(request, response, form, login, ({ scope }) => ({ scope, token_type: 'Bearer' }));
      },
    }),
  ]);
}
