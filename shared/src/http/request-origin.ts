// SPDX-License-Identifier: Apache-2.0
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** What a request says of the name that was asked for, and of the page that caused it. */
export type OriginDecision =
  | { readonly kind: 'allowed' }
  /** The name in `Host` is none of ours: the answer is not for who asks (RFC 9110 §15.5.20). */
  | { readonly kind: 'unknown-host'; readonly host: string }
  /** A page of another origin wants to change something. */
  | { readonly kind: 'foreign-origin'; readonly origin: string };

const ALLOWED: OriginDecision = { kind: 'allowed' };
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' };
/** What browsers say of a page of our own, and of a person who typed the address (Fetch Metadata §2.2). */
const OWN_SITES = new Set(['same-origin', 'none']);
const SHOWN_CHARACTERS = 100;

/** Whether a name, as it stands in `Host` without the port, is one of ours. */
export type IsOwnName = (name: string) => boolean;

const withoutLastDot = (name: string) => (name.endsWith('.') ? name.slice(0, -1) : name);

/**
 * The names that a program answers to: its own, `localhost`, and what is configured. Addresses of any kind and
 * names of one label count too: an attacker's page cannot have them (rebinding needs a name that its DNS answers
 * for), and forwarded ports, container networks and local name services use them.
 *
 * @param names with all their labels
 */
export function createOwnNames(names: readonly string[]): IsOwnName {
  const own = new Set(names.map((name) => withoutLastDot(name.toLowerCase())));
  return (name) => {
    const plain = withoutLastDot(name.toLowerCase());
    const isAddress = isIP(plain.startsWith('[') && plain.endsWith(']') ? plain.slice(1, -1) : plain) !== 0;
    if (plain === '') return false;
    return isAddress || !plain.includes('.') || plain.endsWith('.localhost') || own.has(plain);
  };
}

/** Name and port of `Host`, which has no scheme (RFC 9110 §7.2); undefined: it is none. */
export function parseHost(
  host: string,
): { readonly name: string; readonly port: string | undefined } | undefined {
  const [, name, port] = /^(\[[0-9a-f:.]+\]|[^:/?#@[\]\s]+)(?::(\d*))?$/i.exec(host.trim()) ?? [];
  return name === undefined ? undefined : { name, port: port || undefined };
}

/** Whether a page of this origin was loaded from the name and port of `Host`, or from a name of ours behind a proxy. */
function isOwnOrigin(origin: string, host: string | undefined, isConfigured: IsOwnName): boolean {
  const [, scheme = '', authority = ''] = /^(https?):\/\/([^/]+)$/i.exec(origin.trim()) ?? [];
  const from = parseHost(authority);
  if (from === undefined) return false; // also `null`, of sandboxes and files
  if (isConfigured(from.name)) return true;
  const asked = parseHost(host ?? '');
  const defaultPort = DEFAULT_PORTS[scheme.toLowerCase()];
  return (
    asked !== undefined &&
    withoutLastDot(from.name.toLowerCase()) === withoutLastDot(asked.name.toLowerCase()) &&
    (from.port ?? defaultPort) === (asked.port ?? defaultPort)
  );
}

/**
 * Keeps pages of others from using what a browser can reach and knows: from reading what is not for everybody
 * by a name that leads here for a moment (DNS rebinding), and from changing anything (cross-site requests, which
 * browsers send together with Basic credentials that they remember). Programs send neither header.
 *
 * @param request.isOwnPath whether the name matters: what is open to every name, such as images, is not asked by one
 * @param request.isReading GET, HEAD and OPTIONS, which change nothing
 * @param trustedNames of a proxy before it, also as origins whatever their port: a proxy may change `Host`
 */
export function decideOrigin(
  request: {
    readonly isOwnPath: boolean;
    readonly isReading: boolean;
    readonly headers: Pick<IncomingHttpHeaders, 'host' | 'origin'> & {
      readonly 'sec-fetch-site'?: string | string[] | undefined;
    };
  },
  isOwnName: IsOwnName,
  trustedNames: readonly string[],
): OriginDecision {
  const { host, origin, 'sec-fetch-site': site } = request.headers;
  // HTTP/1.0 need not say what it asks; browsers always do.
  if (request.isOwnPath && host !== undefined) {
    const asked = parseHost(host);
    if (asked === undefined || !isOwnName(asked.name)) {
      return { kind: 'unknown-host', host: host.slice(0, SHOWN_CHARACTERS) };
    }
  }
  if (request.isReading) return ALLOWED;
  const isConfigured: IsOwnName = (name) => trustedNames.includes(withoutLastDot(name.toLowerCase()));
  if (origin !== undefined) {
    return isOwnOrigin(origin, host, isConfigured)
      ? ALLOWED
      : { kind: 'foreign-origin', origin: origin.slice(0, SHOWN_CHARACTERS) };
  }
  if (site === undefined || OWN_SITES.has(String(site))) return ALLOWED;
  return { kind: 'foreign-origin', origin: `a ${String(site).slice(0, SHOWN_CHARACTERS)} page` };
}
