// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Refuse, refuse } from '@local-datastore/shared/http/refuse';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import { type DownloadTickets, ticketOf } from '../access/download-tickets.ts';
import type { Guard } from '../access/guard.ts';
import { type Action, isPermitted, type Principal, type Wish } from '../access/policy.ts';

const ANYBODY: Principal = { kind: 'anybody' };
const REALM = 'local-datastore';
/** For `WWW-Authenticate`, by what is wanted. */
export const CHALLENGES: Readonly<Record<Action, string>> = {
  read: `Basic realm="${REALM}", charset="UTF-8"`,
  write: `Bearer realm="${REALM}"`,
};

/** What to bring. */
const ADVICE: Readonly<Record<Action, string>> = {
  read: 'Reading needs a credential, as Basic, Bearer or "Authorization: <apiKey> <password>".',
  write:
    'Writing needs the write token, as "Authorization: Bearer <token>"; `datastore-app token` prints it.',
};

/**
 * Answers a request that may not do what it asks for (401, 429), and says whether it may.
 *
 * @param refuseBy in whose form it is answered
 */
export type Authorize = (
  request: IncomingMessage,
  response: ServerResponse,
  wish: Wish,
  refuseBy?: Refuse,
) => boolean;

export interface AuthorizeDeps {
  readonly guard: Guard;
  readonly tickets: Pick<DownloadTickets, 'isValid'>;
}

export function createAuthorize({ guard, tickets }: AuthorizeDeps): Authorize {
  /** Whether a link to an image has a ticket with it, as the page's have. */
  function ticketed({ url = '' }: IncomingMessage, { resource }: Wish): Principal | undefined {
    const path = resource.kind === 'image' ? resource.path : undefined;
    const ticket = path === undefined ? undefined : ticketOf(url);
    if (path === undefined || ticket === undefined) return undefined;
    return tickets.isValid(path, ticket) ? { kind: 'ticket', path } : undefined;
  }

  return (request, response, wish, refuseBy = refuse) => {
    // As most requests are: nobody needs to know who asks.
    if (isPermitted(ANYBODY, wish, guard)) return true;
    const client = clientAddress(request.socket);
    const { authorization } = request.headers;
    const decision = guard.decide(wish, { client, authorization, ticketed: ticketed(request, wish) });
    if (decision.kind === 'allowed') return true;
    if (decision.kind === 'slowed') {
      const seconds = decision.retryAfterSeconds;
      const detail = `Too many wrong credentials came from ${client}: try again in ${seconds} s.`;
      refuseBy(request, response, { status: 429, detail }, { 'Retry-After': String(seconds) });
      return false;
    }
    const needed: Action = isPermitted({ kind: 'reader' }, wish, guard) ? 'read' : 'write';
    const advice = ADVICE[needed];
    const detail = decision.isMissing ? advice : `The credential is wrong. ${advice}`;
    const challenge = { 'WWW-Authenticate': CHALLENGES[needed] };
    refuseBy(request, response, { status: 401, detail }, challenge);
    return false;
  };
}
