// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, type Service, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import { createSubnetTest, parseIpv4 } from '@local-datastore/shared/net/ip-address';
import type { Bridge } from './bridges.ts';
import { MAX_RECORDS_PER_DATAGRAM } from './datagram-filter.ts';
import { type DnsMessage, type DnsRecord, recordsOf } from './dns-message.ts';

export type RejectionReason =
  /** The sender is not in the subnet of the bridge. */
  | 'off-link-source'
  | 'too-many-records'
  /** The address belongs to another link, as when a responder gives the addresses of all its interfaces. */
  | 'address-outside-subnet'
  /** The address is the network's or the broadcast address, or the bridge's own though another host says so. */
  | 'address-not-of-a-neighbour'
  /** The name is an alias (CNAME): the address is to be asked for under the other name. */
  | 'alias'
  /** TTL 0: the host takes its address back (RFC 6762 §10.1). */
  | 'goodbye';

export type Judgement =
  | { readonly kind: 'match'; readonly address: string; readonly services: readonly Service[] }
  | {
      readonly kind: 'rejected';
      readonly reason: RejectionReason;
      readonly address?: string;
      /** What the name is an alias of. */
      readonly alias?: string;
    }
  /** Says nothing of the wanted host's IPv4 address; `services` are those that it does name the host for. */
  | { readonly kind: 'irrelevant'; readonly services: readonly Service[] };

/**
 * Whether a message that came over a bridge soundly says where the wanted host is: an A record of just that
 * host, in any section of a response, that is alive and whose address is a neighbour's on that bridge. The
 * bridge's own address is that of a datastore on this host, and counts when this host itself says so.
 *
 * Of several sound addresses the first counts.
 */
export function judgeAnswer(message: DnsMessage, source: string, bridge: Bridge, host: string): Judgement {
  // A probe carries its records in the authority section of a query (RFC 6762 §8.2): claims, no answers.
  if (message.type !== 'response') return { kind: 'irrelevant', services: [] };
  const isOnLink = createSubnetTest(bridge.cidr);
  if (!isOnLink(source)) return { kind: 'rejected', reason: 'off-link-source' };
  const records = recordsOf(message);
  if (records.length > MAX_RECORDS_PER_DATAGRAM) return { kind: 'rejected', reason: 'too-many-records' };

  const services = servicesOf(records, host);
  let rejection: Judgement | undefined;
  let alias: string | undefined;
  for (const record of records) {
    if (record.type === 'CNAME' && record.ttl !== 0 && isSameHost(record.name, host)) alias ??= record.data;
    // dns-packet has masked the cache-flush bit out of the class.
    if (record.type !== 'A' || record.class !== 'IN' || !isSameHost(record.name, host)) continue;
    const reason = whyUnsound(record, source, bridge, isOnLink);
    if (reason === undefined) return { kind: 'match', address: record.data, services };
    rejection ??= { kind: 'rejected', reason, address: record.data };
  }
  if (rejection !== undefined) return rejection;
  return alias === undefined
    ? { kind: 'irrelevant', services }
    : { kind: 'rejected', reason: 'alias', alias };
}

function whyUnsound(
  { data: address, ttl }: { data: string; ttl?: number | undefined },
  source: string,
  bridge: Bridge,
  isOnLink: (address: string) => boolean,
): RejectionReason | undefined {
  if (ttl === undefined || ttl === 0) return 'goodbye';
  if (!isOnLink(address)) return 'address-outside-subnet';
  const isOfThisHost = address === bridge.address && source === bridge.address;
  if (!isOfThisHost && !isNeighbour(address, bridge)) return 'address-not-of-a-neighbour';
  return undefined;
}

/** The services whose SRV records name the host as their target, in EVE's order. */
function servicesOf(records: readonly DnsRecord[], host: string): Service[] {
  const instances = records.flatMap((record) =>
    record.type === 'SRV' && record.ttl !== 0 && isSameHost(record.data.target, host)
      ? [record.name.toLowerCase()]
      : [],
  );
  return SERVICES.filter((service) =>
    instances.some((instance) => instance.endsWith(`.${serviceTypeName(service)}`)),
  );
}

/** The names of the hosts that a message gives an address or a service for. */
export function hostNamesIn(message: DnsMessage): string[] {
  if (message.type !== 'response') return [];
  const names = recordsOf(message).flatMap((record) => {
    if (record.type === 'A' || record.type === 'AAAA') return [record.name];
    return record.type === 'SRV' ? [record.data.target] : [];
  });
  return [...new Set(names)];
}

/** Whether an address of the bridge's subnet can be another host's. A /31 has no network address (RFC 3021). */
function isNeighbour(address: string, bridge: Bridge): boolean {
  if (address === bridge.address) return false;
  const sizeBits = 32 - Number(bridge.cidr.split('/')[1]);
  if (sizeBits < 2) return true;
  const hostPart = (parseIpv4(address) ?? 0) % 2 ** sizeBits;
  return hostPart !== 0 && hostPart !== 2 ** sizeBits - 1;
}
