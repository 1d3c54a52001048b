// SPDX-License-Identifier: Apache-2.0
import { isHostOf, type Origin, plainHost } from '../discovery/origin.ts';
import { isInternalHost } from './internal-address.ts';

export const MAX_REDIRECTS = 5;

export interface RedirectFacts {
  /** What the download was asked for. */
  readonly asked: URL;
  /** Who answered. */
  readonly origin: Origin;
  /** The name of the local datastore that answered; null: it is none. */
  readonly localName: string | null;
  /** How many were followed before this one. */
  readonly followed: number;
  /** Whether a credential, or an authority of its own, says that this datastore is to be spoken to over TLS. */
  readonly needsTls: boolean;
  /** Whether a digest will tell if the bytes are right. */
  readonly isDigestKnown: boolean;
  /** Whether loopback, link-local and metadata addresses may be led to. */
  readonly allowsInternal: boolean;
}

/** Whether a datastore that is not local leads to where only this host, or somebody on its link, can go. */
function leadsInside(next: URL, { asked, allowsInternal }: RedirectFacts): boolean {
  const [to, from] = [plainHost(next), plainHost(asked)];
  return !allowsInternal && to !== from && !isInternalHost(from) && isInternalHost(to);
}

function refusalOf(next: URL | null, facts: RedirectFacts): string | null {
  const { origin, localName, followed, needsTls, isDigestKnown } = facts;
  if (next === null || !/^https?:$/.test(next.protocol)) return 'it is no http or https URL';
  if (next.username !== '' || next.password !== '') return 'it holds a user name or password';
  if (followed >= MAX_REDIRECTS) return `more than ${MAX_REDIRECTS} in a row`;
  if (localName !== null && !isHostOf(next, localName, origin.address)) {
    return 'a local datastore may lead to itself only, by its name or its address';
  }
  if (origin.url.protocol === 'https:' && next.protocol === 'http:') {
    if (needsTls) return 'it leads from https to http, with a credential or certificates in play';
    if (!isDigestKnown)
      return 'it leads from https to http, and no --sha256 would tell what was changed there';
  }
  if (localName === null && leadsInside(next, facts)) {
    return 'it leads to a loopback, link-local or metadata address (--allow-internal-redirects)';
  }
  return null;
}

export type RedirectDecision =
  | { readonly kind: 'follow'; readonly url: URL }
  /** `why` is one clause. */
  | { readonly kind: 'refuse'; readonly why: string };

/**
 * Where a redirect leads (RFC 9110 §10.2.2), if it is followed.
 *
 * A local datastore may lead to itself: by its name or its address, on another port, from http to https. Others may
 * lead anywhere but inside.
 */
export function decideRedirect(location: string, facts: RedirectFacts): RedirectDecision {
  const url = URL.parse(location, facts.origin.url.href);
  const why = refusalOf(url, facts);
  if (why === null && url !== null) return { kind: 'follow', url };
  return { kind: 'refuse', why: why ?? '' };
}

/**
 * Whether ordinary DNS must not lead inside: what was asked for may be anywhere, but where a stranger's redirect
 * leads, its names are not trusted that far.
 */
export function refusesInternal({ url, bridgeName }: Origin, asked: URL, allowsInternal: boolean): boolean {
  if (allowsInternal || bridgeName !== null) return false;
  return plainHost(url) !== plainHost(asked) && !isInternalHost(plainHost(asked));
}

/**
 * Whether a URL may have the credential of another: it is the same origin (RFC 6454 §4), where the name and the
 * address of a local datastore are one host.
 */
export function isSameOrigin(
  left: URL,
  right: URL,
  localName: string | null,
  address: string | null,
): boolean {
  if (left.origin === right.origin) return true;
  const isOneHost = [left, right].every((url) => localName !== null && isHostOf(url, localName, address));
  return isOneHost && left.protocol === right.protocol && left.port === right.port;
}
