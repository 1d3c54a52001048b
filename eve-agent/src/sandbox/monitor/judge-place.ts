// SPDX-License-Identifier: Apache-2.0
import { createAddressTest, ipVersion } from '@local-datastore/shared/net/ip-address';
import type { Bridge } from '../../discovery/bridges.ts';
import type { FlowPlace } from '../../transfer/flow.ts';

export interface PlaceFacts {
  /** Those that datastores are looked for on. */
  readonly bridges: readonly Bridge[];
  /** Of what is wanted at the moment, as the configuration names it, and of the proxy: in lower case. */
  readonly namedHosts: ReadonlySet<string>;
  readonly allowsInternal: boolean;
}

export type PlaceVerdict =
  | { readonly kind: 'open'; readonly place: FlowPlace }
  | { readonly kind: 'refused'; readonly why: string };

/** Whether an address is of a neighbour on a bridge. */
export const isOnBridge = (address: string, { cidr }: Bridge): boolean =>
  ipVersion(address) === 4 && createAddressTest([cidr])(address);

/**
 * Where a calf may be connected to. From a bridge to its own network, as multicast DNS finds a datastore. Else to
 * whatever a redirect may lead to, and to loopback, link-local and metadata addresses only where the configuration itself
 * names them.
 */
export function judgePlace(
  place: FlowPlace,
  { bridges, namedHosts, allowsInternal }: PlaceFacts,
): PlaceVerdict {
  const { host, localAddress } = place;
  if (localAddress === null) {
    const mayBeInternal = allowsInternal || namedHosts.has(host.toLowerCase());
    return { kind: 'open', place: { ...place, refusesInternal: place.refusesInternal || !mayBeInternal } };
  }
  const bridge = bridges.find((each) => each.address === localAddress && isOnBridge(host, each));
  return bridge === undefined
    ? { kind: 'refused', why: `${host} is on no bridge that has the address ${localAddress}` }
    : { kind: 'open', place };
}
