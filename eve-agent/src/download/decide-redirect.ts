/** How many redirects in a row are followed. */
export const MAX_REDIRECTS = 5;

export interface Redirect {
  /** The value of `Location`. */
  readonly location: string;
  /** What was asked for, with the datastore's name. */
  readonly from: URL;
  /** Whether the datastore was found by multicast DNS. */
  readonly isLocal: boolean;
  /** How many redirects there were, this one included. */
  readonly count: number;
}

export type RedirectDecision =
  | { readonly kind: 'follow'; readonly url: URL }
  /** `why` is one clause. */
  | { readonly kind: 'refuse'; readonly why: string };

const refuse = (why: string): RedirectDecision => ({ kind: 'refuse', why });

/** Decides whether a redirect is followed (RFC 9110 §15.4, §17.11). */
export function decideRedirect({ location, from, isLocal, count }: Redirect): RedirectDecision {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return refuse('it is no http or https URL');
  if (url.username !== '' || url.password !== '') return refuse('it holds a user name or password');
  if (count > MAX_REDIRECTS) return refuse(`more than ${MAX_REDIRECTS} in a row`);
  if (from.protocol === 'https:' && url.protocol === 'http:') return refuse('it leads from https to http');
  if (isLocal && url.host !== from.host)
    return refuse('a local datastore may lead to its own host name only');
  return { kind: 'follow', url };
}
