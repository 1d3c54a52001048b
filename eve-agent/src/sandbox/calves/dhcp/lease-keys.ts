// SPDX-License-Identifier: Apache-2.0
import {
  DHCP_KEY,
  INFINITE_LEASE,
  type LEASE_KEYS,
  MAX_LEASE_SECONDS,
  numberedKey,
} from '../../keys/dhcp-keys.ts';
import type { Lease } from './lease.ts';

/** A key of a lease by its path below the prefix. */
export type LeaseKey =
  | (typeof LEASE_KEYS)[number]
  | `${typeof DHCP_KEY.nameServer | typeof DHCP_KEY.route}/${string}`;

/** The keys of a lease, without the commit. */
export function leaseKeys(lease: Lease, nowMs: number): Map<LeaseKey, string> {
  const keys = new Map<LeaseKey, string>();
  const put = (key: LeaseKey, value: string | number | null) => {
    if (value !== null && value !== '') keys.set(key, String(value));
  };
  const leftSeconds = Math.floor((lease.expiresAtMs - nowMs) / 1000);
  put(DHCP_KEY.ip, `${lease.address}/${lease.prefixLength}`);
  put(DHCP_KEY.gateway, lease.gateway);
  put(DHCP_KEY.mtu, lease.mtu);
  put(DHCP_KEY.domain, lease.domain);
  put(DHCP_KEY.search, lease.search.join(' '));
  put(DHCP_KEY.server, lease.server.address);
  put(
    DHCP_KEY.lease,
    Number.isFinite(leftSeconds) ? Math.min(Math.max(leftSeconds, 0), MAX_LEASE_SECONDS) : INFINITE_LEASE,
  );
  for (const [index, address] of lease.nameServers.entries())
    put(numberedKey(DHCP_KEY.nameServer, index), address);
  for (const [index, { destination, gateway }] of lease.routes.entries())
    put(numberedKey(DHCP_KEY.route, index), `${destination} ${gateway}`);
  return keys;
}
