// SPDX-License-Identifier: Apache-2.0
/**
 * The keys between priv and the client of DHCP, below the prefix of the manifest. Values are ASCII.
 *
 * What the calf writes counts only once it writes `commit`, last: the keys of a lease are read together then. A
 * deletion means nothing: it happens to all keys of a calf that died, whose lease still holds.
 */
export const DHCP_KEY = {
  /** By priv, read-only: the interface's hardware address. */
  mac: 'mac',
  /** By priv: an address that was held before the calf was started; absent: none. */
  remembered: 'remembered',
  /** By priv: `lease`, or `nothing` once the address is to be given back. */
  wanted: 'wanted',
  /** By priv: another number each time the link carries again after it did not. Absent: it always did. */
  link: 'link',
  /** The client's state, to be shown: `selecting`, `bound`, … */
  state: 'state',
  /** With the prefix length: `10.0.0.5/24`. */
  ip: 'ip',
  gateway: 'gateway',
  mtu: 'mtu',
  domain: 'domain',
  /** Domains, a space between them. */
  search: 'search',
  /** A folder: `nameserver/001`, … in the order in which they are asked. */
  nameServer: 'nameserver',
  /** A folder: `route/001` holds `10.2.0.0/16 10.0.0.1`; `0.0.0.0` is the link itself. */
  route: 'route',
  /** Who gave the lease. */
  server: 'server',
  /** Seconds that are left when it is written, or `infinite`. */
  lease: 'lease',
  /** `lease N` or `none N reason`; N is another one each time. */
  commit: 'commit',
} as const;

/** What the calf says last: that the keys of a lease are all there, or that there is none any more, and why. */
export interface LeaseCommit {
  readonly kind: 'lease' | 'none';
  /** Another one each time. */
  readonly serial: number;
  /** ASCII that shows, 200 at most; empty: none is told. */
  readonly reason: string;
}

const COMMIT = /^(lease|none) (\d{1,15})(?: ([ -~]{0,200}))?$/;

export const commitText = ({ kind, serial, reason }: LeaseCommit): string =>
  `${kind} ${serial} ${reason}`.trimEnd();

/** @returns null for anything but what {@link commitText} makes */
export function parseCommit(text: string): LeaseCommit | null {
  const [, kind, serial, reason = ''] = COMMIT.exec(text) ?? [];
  return kind === 'lease' || kind === 'none' ? { kind, serial: Number(serial), reason } : null;
}

/** Those of a lease that are one value each; name servers and routes are folders. */
export const LEASE_KEYS = [
  DHCP_KEY.ip,
  DHCP_KEY.gateway,
  DHCP_KEY.mtu,
  DHCP_KEY.domain,
  DHCP_KEY.search,
  DHCP_KEY.server,
  DHCP_KEY.lease,
] as const;

export const INFINITE_LEASE = 'infinite';
/** What a server can say at most in four bytes, but for "infinite" itself. */
export const MAX_LEASE_SECONDS = 0xfffffffe;

/** Those that a lease has at most. */
export const MAX_NAME_SERVERS = 8;
export const MAX_ROUTES = 64;
export const MAX_SEARCH_DOMAINS = 32;

/** @param index from 0 */
export const numberedKey = <Folder extends string>(folder: Folder, index: number): `${Folder}/${string}` =>
  `${folder}/${String(index + 1).padStart(3, '0')}`;
