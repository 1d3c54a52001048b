// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import type { RegistryAccess } from '../access/registry-access.ts';
import type { Refusals } from '../changes/refusals.ts';
import { pathOfTarget } from '../images/image-path.ts';
import type { Authorize } from './authorize.ts';
import type { RequireOrigin } from './require-origin.ts';

type NoteRefusal = Refusals['note'];

const METHODS = ['PUT', 'POST', 'DELETE', 'PATCH'] as const;

/** What decides whether something may be changed, with an ear for where it is not let. */
export interface RefusalWatch {
  watchAuthorize(authorize: Authorize): Authorize;
  watchAccess(access: RegistryAccess): RegistryAccess;
  watchOrigin(requireOrigin: RequireOrigin): RequireOrigin;
}

/** Tells of changes that were not let; reading is no matter of it. */
export function createRefusalWatch(note: NoteRefusal): RefusalWatch {
  function tell(request: IncomingMessage, status: number, by?: string): void {
    const via = METHODS.find((method) => method === request.method);
    if (via === undefined) return;
    note({ by, client: clientAddress(request.socket), via, image: pathOfTarget(request.url ?? ''), status });
  }

  return {
    watchAuthorize: (authorize) => (request, response, wish, refuseBy) => {
      const isLet = authorize(request, response, wish, refuseBy);
      if (!isLet && wish.action === 'write') tell(request, response.statusCode);
      return isLet;
    },

    watchAccess: (access) => ({
      ...access,
      async decide(request, wish) {
        const decision = await access.decide(request, wish);
        const isChange = wish.action === 'push' || wish.action === 'delete';
        // Clients of registries ask without a credential first, to be told where they get a token.
        const isQuestion = request.headers.authorization === undefined;
        if (decision.kind === 'denied' && isChange && !isQuestion) {
          tell(request, decision.status, decision.subject);
        }
        return decision;
      },
    }),

    watchOrigin: (requireOrigin) => (request, response, asked, refuseBy) => {
      const isLet = requireOrigin(request, response, asked, refuseBy);
      if (!isLet && !asked.isReading) tell(request, response.statusCode);
      return isLet;
    },
  };
}
