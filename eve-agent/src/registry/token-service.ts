// SPDX-License-Identifier: Apache-2.0
import type { BearerChallenge } from '@local-datastore/shared/oci/challenge';
import { isHostOf, plainHost } from '../discovery/origin.ts';
import { isInternalHost } from '../transfer/internal-address.ts';

export interface TokenFacts {
  readonly registry: URL;
  /** Where the registry was reached; null: ordinary DNS said. */
  readonly address: string | null;
  /** Whether multicast DNS found it. */
  readonly isLocal: boolean;
  readonly repository: string;
  /** Whether a user name and a password go along. */
  readonly hasCredential: boolean;
  readonly allowsInternal: boolean;
}

export type TokenDecision =
  | { readonly kind: 'ask'; readonly url: URL }
  /** `why` is one clause. */
  | { readonly kind: 'refuse'; readonly why: string };

function refusalOf(realm: URL | null, facts: TokenFacts): string | null {
  const { registry, address, isLocal, hasCredential, allowsInternal } = facts;
  if (realm === null || !/^https?:$/.test(realm.protocol))
    return 'its token service has no http or https URL';
  if (realm.username !== '' || realm.password !== '')
    return 'the URL of its token service holds a user name or password';
  const isOwn = isHostOf(realm, plainHost(registry), address);
  if (isLocal && !isOwn && !plainHost(realm).endsWith('.local'))
    return 'a local registry may name a token service on .local only';
  if (!isLocal && !allowsInternal && !isInternalHost(plainHost(registry)) && isInternalHost(plainHost(realm)))
    return 'its token service has a loopback, link-local or metadata address (--allow-internal-redirects)';
  if (hasCredential && realm.protocol === 'http:' && (registry.protocol === 'https:' || !isOwn))
    return 'the user name and password would cross the network unencrypted to its token service';
  return null;
}

/**
 * Where a token is asked for (distribution's "Token Authentication"), if it is.
 *
 * A registry may name any token service: one that holds the password of a user is spoken to over https, or is the
 * registry itself.
 */
export function decideTokenRequest(challenge: BearerChallenge, facts: TokenFacts): TokenDecision {
  const realm = URL.parse(challenge.realm, facts.registry.href);
  const why = refusalOf(realm, facts);
  if (why !== null || realm === null) return { kind: 'refuse', why: why ?? '' };
  const url = new URL(realm);
  url.hash = '';
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
  url.searchParams.set('scope', challenge.scope || `repository:${facts.repository}:pull`);
  return { kind: 'ask', url };
}
