// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { RegistryAccess, RegistryAllowed, RegistryWish } from '../access/registry-access.ts';
import { CHALLENGES } from './authorize.ts';

export const REGISTRY_API = '/-/api/v1/registry';
/** What is decided by grants; the rest of the API is for who may read or write everything. */
const BY_GRANTS = ['repositories', 'export', 'upstreams', 'import', 'imports', 'inventory', 'adopt'].map(
  (part) => `${REGISTRY_API}/${part}`,
);

/** Whether a URL path, as sent, is for {@link RegistryGate} to decide about. */
export const isRepositoriesPath = (urlPath: string): boolean =>
  urlPath.startsWith(REGISTRY_API) &&
  BY_GRANTS.some((path) => urlPath === path || urlPath.startsWith(`${path}/`));

/** Answers who may not do what they ask for; for the others it says what else they may. */
export type RegistryGate = (
  request: IncomingMessage,
  response: ServerResponse,
  wish: RegistryWish,
) => Promise<RegistryAllowed | undefined>;

/** The access to the registry in the form of the API: the same rules, said as everything else of the API says them. */
export function createRegistryGate({ decide }: Pick<RegistryAccess, 'decide'>): RegistryGate {
  return async (request, response, wish) => {
    const decision = await decide(request, wish);
    if (decision.kind === 'allowed') return decision;
    const { status, detail, retryAfterSeconds } = decision;
    const isChange = wish.action === 'push' || wish.action === 'delete';
    refuse(
      request,
      response,
      { status, detail },
      {
        // Not the registry's own challenge: browsers ask a person only for what they know.
        ...(status === 401 && { 'WWW-Authenticate': CHALLENGES[isChange ? 'write' : 'read'] }),
        ...(retryAfterSeconds !== undefined && { 'Retry-After': String(retryAfterSeconds) }),
      },
    );
    return undefined;
  };
}
