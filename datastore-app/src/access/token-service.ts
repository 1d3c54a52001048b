// SPDX-License-Identifier: Apache-2.0
import type { Authenticate } from './authenticator.ts';
import type { Known, PrincipalBook } from './principal-book.ts';
import { createPermit } from './registry-permit.ts';
import { decideRegistry, type RegistryRules } from './registry-policy.ts';
import { ANONYMOUS, type RegistryPrincipal, subjectOf } from './registry-principal.ts';
import type { RegistryTokens, TokenAccess } from './registry-tokens.ts';
import { parseScopes, scopeText } from './token-scope.ts';

/** A client that wants a token (distribution, "Token Authentication Specification"). */
export interface TokenRequest {
  /** The remote address. */
  readonly client: string;
  /** undefined: it said none. */
  readonly login: { readonly user: string; readonly password: string } | undefined;
  /** Of the certificate that it showed, lower-case hexadecimal digits. */
  readonly fingerprint: string | undefined;
  /** For which registry; undefined: it did not say. */
  readonly service: string | undefined;
  /** What it wants to do there. */
  readonly scopes: readonly string[];
}

export type TokenAnswer =
  | {
      readonly kind: 'issued';
      readonly subject: string;
      readonly token: string;
      readonly lifetimeSeconds: number;
      /** What of it was granted. */
      readonly scope: string;
    }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'slowed'; readonly retryAfterSeconds: number }
  /** It is of no registry but this. */
  | { readonly kind: 'other-service' };

/** Issues tokens. */
export type TokenService = (request: TokenRequest) => Promise<TokenAnswer>;

export interface TokenServiceDeps {
  readonly authenticate: Authenticate;
  readonly tokens: RegistryTokens;
  book(): Promise<PrincipalBook>;
}

const NOBODY: Known = { principal: ANONYMOUS, credential: '' };

/** What of something asked for a principal is granted; undefined: nothing. */
function grantOf(
  principal: RegistryPrincipal,
  asked: TokenAccess,
  rules: RegistryRules,
): TokenAccess | undefined {
  if (asked.type === 'registry') {
    return createPermit({ principal, access: undefined }, rules).mayList ? asked : undefined;
  }
  const resource = { kind: 'repository', name: asked.name } as const;
  const actions = asked.actions.filter(
    (action) => decideRegistry(principal, action, resource, rules).kind !== 'none',
  );
  return actions.length === 0 ? undefined : { ...asked, actions };
}

/**
 * Who asks for more than is granted is given what is granted, and who is nobody what anybody may: only wrong
 * credentials are refused.
 *
 * @param options.service as in tokens
 */
export function createTokenService(
  { authenticate, tokens, book }: TokenServiceDeps,
  { service }: { readonly service: string },
): TokenService {
  return async ({ client, login, fingerprint, scopes, service: asked }) => {
    if (asked !== undefined && asked.toLowerCase() !== service.toLowerCase())
      return { kind: 'other-service' };
    // Before the credential is looked at: it may have been made a moment ago.
    const current = await book();
    let known = (fingerprint !== undefined && current.byCertificate(fingerprint)) || NOBODY;
    if (login !== undefined) {
      const found = await authenticate({ client, ...login });
      if (found.kind !== 'known') return found;
      known = found.known;
    }
    const { principal, credential } = known;
    const access = parseScopes(scopes).flatMap((scope) => grantOf(principal, scope, current.rules) ?? []);
    const subject = subjectOf(principal);
    return {
      ...{ kind: 'issued', subject, scope: access.map(scopeText).join(' ') },
      token: await tokens.issue(subject, credential, access),
      lifetimeSeconds: tokens.lifetimeSeconds,
    };
  };
}
