// SPDX-License-Identifier: Apache-2.0
import { createSubnetTest, parseIpv4 } from '@local-datastore/shared/net/ip-address';
import {
  DHCP_KEY,
  INFINITE_LEASE,
  MAX_LEASE_SECONDS,
  MAX_NAME_SERVERS,
  MAX_ROUTES,
  MAX_SEARCH_DOMAINS,
  numberedKey,
} from '../keys/dhcp-keys.ts';
import { isDomainName } from '../keys/domain-name.ts';

/** What the host knows of itself when a lease is judged. */
export interface LeaseSurroundings {
  /** Addresses with prefix lengths of all other interfaces. */
  readonly otherSubnets: readonly string[];
  /** What the link can carry at most. */
  readonly maxMtu: number;
}

export interface JudgedRoute {
  readonly destination: string;
  /** null: on the link. */
  readonly gateway: string | null;
}

/** A lease that may be set, all of it. */
export interface JudgedLease {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string | null;
  readonly routes: readonly JudgedRoute[];
  readonly mtu: number | null;
  readonly domain: string | null;
  readonly search: readonly string[];
  readonly nameServers: readonly string[];
  /** null: without end. */
  readonly leaseSeconds: number | null;
  /** To be shown. */
  readonly server: string | null;
}

export type LeaseVerdict =
  | {
      readonly kind: 'accepted';
      readonly lease: JudgedLease;
      /** What the host does without: keys, each with why. */
      readonly leftOut: readonly string[];
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** RFC 791: every host takes a packet of this size. */
const LEAST_MTU = 576;
/** Fewer bits would lead half of the world here, ahead of the host's own route to everywhere. */
const LEAST_ROUTE_PREFIX = 8;
const ON_LINK = '0.0.0.0';
const NUMBER = /^(?:0|[1-9]\d{0,9})$/;
const CIDR = /^(\d[\d.]{6,14})\/([1-9]|[12]\d|3[0-2])$/;

/** RFC 6890: this network, loopback, link-local; multicast and all behind it. */
function isOrdinary(address: string): boolean {
  const number = parseIpv4(address);
  if (number === null) return false;
  const [first, second] = [Math.floor(number / 2 ** 24), Math.floor(number / 2 ** 16) % 256];
  return first > 0 && first !== 127 && first < 224 && !(first === 169 && second === 254);
}

/** @returns null for what is no address with a prefix length of 1 to 32 */
function parseCidr(text: string): { readonly address: string; readonly prefixLength: number } | null {
  const [, address = '', prefix] = CIDR.exec(text) ?? [];
  return parseIpv4(address) === null ? null : { address, prefixLength: Number(prefix) };
}

/** The bits of an address behind a prefix, as a number. */
const hostPart = (address: string, prefixLength: number) =>
  (parseIpv4(address) ?? 0) % 2 ** (32 - prefixLength);

/** Whether an address stands for a subnet or all of its hosts; in those of two hosts or one none does (RFC 3021). */
function isWholeSubnet(address: string, prefixLength: number): boolean {
  const host = hostPart(address, prefixLength);
  return prefixLength <= 30 && (host === 0 || host === 2 ** (32 - prefixLength) - 1);
}

/**
 * Decides whether what a client of DHCP was told may be set on its interface. The client parses what neighbours send,
 * and may be theirs: nothing that it writes is believed. An address that cannot be had refuses the lease; anything else
 * that may not be is left out.
 *
 * @param keys what the client wrote below its prefix
 */
export function judgeLease(
  keys: ReadonlyMap<string, string>,
  { otherSubnets, maxMtu }: LeaseSurroundings,
): LeaseVerdict {
  const refuse = (reason: string): LeaseVerdict => ({ kind: 'refused', reason });
  const isElsewhere = otherSubnets.map(createSubnetTest);
  const isOfAnother = (address: string) => isElsewhere.some((isInside) => isInside(address));

  const ip = parseCidr(keys.get(DHCP_KEY.ip) ?? '');
  if (ip === null) return refuse('it has no address with a prefix length of 1 to 32');
  const { address, prefixLength } = ip;
  if (!isOrdinary(address)) return refuse(`${address} is no address of a host`);
  if (isWholeSubnet(address, prefixLength)) return refuse(`${address}/${prefixLength} is a whole subnet`);
  if (isOfAnother(address)) return refuse(`${address} belongs to the subnet of another interface`);
  const leaseText = keys.get(DHCP_KEY.lease) ?? '';
  const leaseSeconds = NUMBER.test(leaseText) ? Number(leaseText) : 0;
  const isInfinite = leaseText === INFINITE_LEASE;
  if (!isInfinite && (leaseSeconds < 1 || leaseSeconds > MAX_LEASE_SECONDS))
    return refuse('it does not say how long it holds');

  const leftOut: string[] = [];
  /** @returns the value where it may be; else null, and the key is left out */
  function check<Value>(key: string, judge: (text: string) => Value | string): Value | null {
    const text = keys.get(key);
    if (text === undefined) return null;
    const judged = judge(text);
    if (typeof judged !== 'string') return judged;
    leftOut.push(`${key}: ${judged}`);
    return null;
  }
  /** Why packets may not be sent to a neighbour; null: they may. */
  const whyNoNeighbour = (neighbour: string) => {
    if (!isOrdinary(neighbour)) return 'no address of a host';
    if (neighbour === address) return 'the address itself';
    return isOfAnother(neighbour) ? 'in the subnet of another interface' : null;
  };

  const gateway = check(DHCP_KEY.gateway, (text) => whyNoNeighbour(text) ?? { text })?.text ?? null;
  const mtu = check(DHCP_KEY.mtu, (text) => {
    const value = NUMBER.test(text) ? Number(text) : 0;
    return value >= LEAST_MTU && value <= maxMtu ? value : `not from ${LEAST_MTU} to ${maxMtu}`;
  });
  const domain = check(DHCP_KEY.domain, (text) => (isDomainName(text) ? { text } : 'no domain name'));
  const search = check(DHCP_KEY.search, (text) => {
    const names = text.split(' ');
    if (names.length > MAX_SEARCH_DOMAINS) return `more than ${MAX_SEARCH_DOMAINS} domains`;
    return names.every(isDomainName) ? names : 'not all are domain names';
  });
  const server = check(DHCP_KEY.server, (text) => (isOrdinary(text) ? { text } : 'no address of a host'));

  const routes = judgeNumbered(DHCP_KEY.route, MAX_ROUTES, (key) =>
    check(key, (text): JudgedRoute | string => {
      const [destination = '', via = '', ...more] = text.split(' ');
      const network = parseCidr(destination);
      if (network === null || more.length > 0) return 'no route';
      if (network.prefixLength < LEAST_ROUTE_PREFIX) return `fewer than ${LEAST_ROUTE_PREFIX} bits`;
      if (hostPart(network.address, network.prefixLength) !== 0) return 'bits behind its prefix';
      if (!isOrdinary(network.address)) return 'no destination of packets';
      // One that holds another interface's subnet is harmless: the more exact route is taken.
      if (isOfAnother(network.address)) return 'in the subnet of another interface';
      const why = via === ON_LINK ? null : whyNoNeighbour(via);
      return why ?? { destination, gateway: via === ON_LINK ? null : via };
    }),
  );
  const nameServers = judgeNumbered(DHCP_KEY.nameServer, MAX_NAME_SERVERS, (key) =>
    check(key, (text) => (isOrdinary(text) ? { text } : 'no address of a host')),
  );

  return {
    kind: 'accepted',
    lease: {
      address,
      prefixLength,
      gateway,
      routes,
      mtu,
      domain: domain?.text ?? null,
      search: search ?? [],
      nameServers: nameServers.map(({ text }) => text),
      leaseSeconds: isInfinite ? null : leaseSeconds,
      server: server?.text ?? null,
    },
    leftOut,
  };
}

/** The values of keys with numbers, from 001 on; those that are left out leave no hole. */
function judgeNumbered<Value>(folder: string, count: number, judge: (key: string) => Value | null): Value[] {
  return Array.from({ length: count }, (_, index) => judge(numberedKey(folder, index))).filter(
    (value) => value !== null,
  );
}
