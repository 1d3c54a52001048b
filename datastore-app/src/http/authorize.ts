import type { IncomingMessage, ServerResponse } from 'node:http';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import type { Access, Guard } from '../access/guard.ts';
import { refuse } from './refuse.ts';

const REALM = 'local-datastore';
const CHALLENGES: Readonly<Record<Access, string>> = {
  read: `Basic realm="${REALM}", charset="UTF-8"`,
  write: `Bearer realm="${REALM}"`,
};

/** Answers a request that may not do what it asks for (401, 429), and says whether it may. */
export type Authorize = (request: IncomingMessage, response: ServerResponse, access: Access) => boolean;

export function createAuthorize({ guard }: { readonly guard: Guard }): Authorize {
  return (request, response, access) => {
    const client = clientAddress(request.socket);
    const decision = guard.decide(access, client, request.headers.authorization);
    if (decision.kind === 'allowed') return true;
    if (decision.kind === 'slowed') {
      const seconds = decision.retryAfterSeconds;
      const detail = `Too many wrong credentials came from ${client}: try again in ${seconds} s.`;
      refuse(
        request,
        response,
        { status: 429, detail },
        {
          'Retry-After': String(seconds),
        },
      );
      return false;
    }
    const needed =
      access === 'write'
        ? 'Writing needs the write token, as "Authorization: Bearer <token>"; `datastore-app token` prints it.'
        : 'Reading needs a credential, as Basic, Bearer or "Authorization: <apiKey> <password>".';
    const detail = decision.isMissing ? needed : `The credential is wrong. ${needed}`;
    refuse(
      request,
      response,
      { status: 401, detail },
      {
        'WWW-Authenticate': CHALLENGES[access],
      },
    );
    return false;
  };
}
