// SPDX-License-Identifier: Apache-2.0
import { parseIpv4 } from '@local-datastore/shared/net/ip-address';
import type { LeaseRoute } from './classless-routes.ts';
import type { DhcpMessage } from './message.ts';
import type { Parameters } from './parameters.ts';
import { type LeaseTimes, leaseTimes } from './timing.ts';

/** A message that came in, and who sent it. */
export interface Received {
  readonly message: DhcpMessage;
  readonly parameters: Parameters;
  /** By IP and by Ethernet: the server's, or those of a relay. */
  readonly source: string;
  readonly sourceMac: string;
}

/** An address and what comes with it, for a time. */
export interface Lease extends LeaseTimes {
  readonly address: string;
  readonly prefixLength: number;
  /** What the server calls itself; null: it does not say (coreos/systemd #86). */
  readonly serverId: string | null;
  /** Where a renewal goes. */
  readonly server: { readonly address: string; readonly mac: string };
  readonly gateway: string | null;
  /** But the one to everywhere. */
  readonly routes: readonly LeaseRoute[];
  readonly mtu: number | null;
  readonly domain: string | null;
  readonly search: readonly string[];
  readonly nameServers: readonly string[];
}

const EVERYWHERE = '0.0.0.0/0';
const ON_LINK = '0.0.0.0';

/** Whether a host may have an address: not "this network", loopback, multicast or reserved (RFC 6890). */
export function isUnicast(address: string): boolean {
  const first = Math.floor((parseIpv4(address) ?? 0) / 2 ** 24);
  return first > 0 && first !== 127 && first < 224;
}

/** RFC 950: what a mask was before there were any; still so where a server names none. */
function classfulPrefixLength(address: string): number {
  const first = Math.floor((parseIpv4(address) ?? 0) / 2 ** 24);
  if (first < 128) return 8;
  return first < 192 ? 16 : 24;
}

/** RFC 3442: with classless routes the list of routers does not count. */
function gatewayOf({ routes, routers }: Parameters): string | null {
  if (routes === undefined) return routers[0] ?? null;
  const everywhere = routes.find(
    ({ destination, gateway }) => destination === EVERYWHERE && gateway !== ON_LINK,
  );
  return everywhere?.gateway ?? null;
}

/**
 * The lease that an acknowledgement gives.
 *
 * @param requestedAtMs when it was asked for, which its times count from
 * @param knownPrefixLength what was said before: some say it only once
 */
export function leaseOf(
  { message, parameters, source, sourceMac }: Received,
  requestedAtMs: number,
  knownPrefixLength?: number,
): Lease {
  const address = message.yourAddress;
  const serverId = parameters.serverId ?? null;
  return {
    address,
    prefixLength: parameters.prefixLength ?? knownPrefixLength ?? classfulPrefixLength(address),
    serverId,
    server: { address: serverId ?? source, mac: sourceMac },
    gateway: gatewayOf(parameters),
    routes: (parameters.routes ?? []).filter(({ destination }) => destination !== EVERYWHERE),
    mtu: parameters.mtu ?? null,
    domain: parameters.domain ?? null,
    search: parameters.search,
    nameServers: parameters.nameServers,
    ...leaseTimes(parameters, requestedAtMs),
  };
}
