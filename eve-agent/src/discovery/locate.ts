// SPDX-License-Identifier: Apache-2.0
import { domainToUnicode } from 'node:url';
import { isHostName, isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import { printableText } from '@local-datastore/shared/text/printable-text';
import type { Bridge } from './bridges.ts';
import { DiscoveryError } from './discovery-error.ts';
import type { DatastoreLocation, FindDatastore } from './find-datastore.ts';

/** How to reach what a URL names. */
export type Located =
  /** The host is on `.local` and was found. The URL keeps its name, without a final dot. */
  | { readonly kind: 'local'; readonly url: URL; readonly location: DatastoreLocation }
  /** An address literal, or a name for ordinary DNS. The URL is as it was. */
  | { readonly kind: 'ordinary'; readonly url: URL };

export interface LocateOptions {
  /** As given with `--bridge`; none: the bridges are found. They are looked up anew with each call. */
  readonly bridges: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Addresses of local datastores that do not count. */
  readonly avoidedAddresses?: ReadonlySet<string>;
}

export interface LocatorDeps {
  /** @throws DiscoveryError `NO_BRIDGE` */
  selectBridges(names: readonly string[]): Bridge[] | Promise<Bridge[]>;
  readonly findDatastore: FindDatastore;
}

export type Locate = (url: URL, options: LocateOptions) => Promise<Located>;

function invalid(message: string): DiscoveryError {
  return new DiscoveryError('URL_INVALID', message);
}

/**
 * Reads the URL of an image.
 *
 * @throws DiscoveryError `URL_INVALID` unless it is an absolute http or https URL without credentials
 */
export function parseImageUrl(text: string): URL {
  const url = URL.parse(text);
  const shown = printableText(text);
  if (url === null) {
    throw invalid(`"${shown}" is not a URL: an absolute one is needed, such as http://ds.local/image.qcow2`);
  }
  if (url.username !== '' || url.password !== '') {
    // The text itself is not repeated: it holds a password.
    throw invalid(`the URL for ${url.host} holds a user name or password: leave them out and use --auth`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw invalid(`"${shown}": the scheme must be http or https, not ${url.protocol.slice(0, -1)}`);
  }
  return url;
}

/** Whether a URL's host is an IPv4 or IPv6 address. */
export function isAddressLiteral({ hostname }: URL): boolean {
  return ipVersion(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/**
 * Finds the address for a URL: by multicast DNS for a host on `.local`, not at all for others.
 *
 * @throws (the returned function) DiscoveryError; the signal's reason
 */
export function createLocator({ selectBridges, findDatastore }: LocatorDeps): Locate {
  return async (url, { bridges, timeoutMs, signal, avoidedAddresses }) => {
    parseImageUrl(url.href);
    // URLs carry names of other scripts in Punycode, multicast DNS in UTF-8 (RFC 6762 §16).
    const host = domainToUnicode(url.hostname).replace(/\.$/, '');
    if (isAddressLiteral(url) || !isLocalHost(host)) return { kind: 'ordinary', url };
    if (!isHostName(host)) {
      throw invalid(
        `"${printableText(host)}" is no host name: labels of 1 to 63 bytes, 253 in all, are needed`,
      );
    }
    const location = await findDatastore({
      host,
      bridges: await selectBridges(bridges),
      timeoutMs,
      signal,
      avoidedAddresses,
    });
    const named = new URL(url);
    named.hostname = named.hostname.replace(/\.$/, '');
    return { kind: 'local', url: named, location };
  };
}
