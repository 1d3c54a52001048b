// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import type { Located } from './locate.ts';

/** Where a URL leads: the name that is spoken to, and the address that the connection goes to. */
export interface Origin {
  /** As the datastore is spoken to: `Host`, TLS and redirects go by the name in it. */
  readonly url: URL;
  /** Null: whatever ordinary DNS says of the name, or a proxy. */
  readonly address: string | null;
  /** Where the connection comes from; null: the system chooses. */
  readonly sourceAddress: string | null;
  /** Where multicast DNS found it; null: it is no local datastore. */
  readonly bridgeName: string | null;
}

/** The host of a URL without the brackets of IPv6 and without a final dot. */
export function plainHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** How to connect to what was located. */
export function originOf(located: Located): Origin {
  const { url } = located;
  if (located.kind === 'local') {
    const { address, sourceAddress, bridge } = located.location;
    return { url, address, sourceAddress, bridgeName: bridge.name };
  }
  const host = plainHost(url);
  return { url, address: ipVersion(host) === 0 ? null : host, sourceAddress: null, bridgeName: null };
}

/** The URL with the address in place of the name: what stock EVE asks for. */
export function addressUrl({ url, address }: Pick<Origin, 'url' | 'address'>): URL {
  const found = new URL(url);
  if (address !== null) found.hostname = ipVersion(address) === 6 ? `[${address}]` : address;
  return found;
}

/** A local datastore that was found: by its name, at an address. */
export type LocalDatastore = Pick<Origin, 'url' | 'address'>;

/**
 * Finds where the next request goes. A local datastore that redirects to its own address is found by its name all the
 * same: the address may be another one by then.
 *
 * @param local the datastore that was found last; null: none was
 * @returns with the datastore that is found by now
 */
export async function locateNext(
  locate: (url: URL) => Promise<Origin>,
  url: URL,
  local: LocalDatastore | null,
): Promise<{ readonly origin: Origin; readonly local: LocalDatastore | null }> {
  if (local === null || plainHost(url) !== local.address) {
    const origin = await locate(url);
    return { origin, local: origin.bridgeName === null ? null : origin };
  }
  const origin = await locate(local.url);
  const { address } = origin;
  return { origin: { ...origin, url: addressUrl({ url, address }) }, local: { url: local.url, address } };
}

/** Host and port for people, with the address where that is another word. */
export function shownHost({ url, address }: Pick<Origin, 'url' | 'address'>): string {
  return address === null || address === plainHost(url) ? url.host : `${url.host} (${address})`;
}

/** Whether a URL names a datastore, by its name or by its address, on whatever port. */
export function isHostOf(url: URL, name: string, address: string | null): boolean {
  const host = plainHost(url);
  return isSameHost(host, name) || host === address;
}
