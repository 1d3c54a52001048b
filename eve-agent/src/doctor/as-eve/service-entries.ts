import type { WireMessage } from './wire-message.ts';

/** A service instance as grandcat/zeroconf makes it of one message. */
export interface ServiceEntry {
  /** The full name. */
  readonly instance: string;
  /** SRV's target, with the root; empty without an SRV record. */
  readonly hostName: string;
  readonly ttlSeconds: number;
  /** Of the A records whose owner is just the target. */
  readonly ipv4: readonly string[];
  readonly hasIpv6: boolean;
}

/**
 * The instances of a service in one message: nothing is kept from one message to the next, every section
 * counts, a query as well as a response, and names are compared byte for byte (zeroconf `mainloop`).
 *
 * @param serviceName with the root, such as `_http._tcp.local.`
 */
export function serviceEntriesIn({ records }: WireMessage, serviceName: string): ServiceEntry[] {
  const entries = new Map<string, { hostName: string; ttlSeconds: number }>();
  for (const { owner, ttlSeconds, data } of records) {
    let instance: string | undefined;
    if (data.type === 'PTR' && owner === serviceName) instance = data.target;
    if ((data.type === 'SRV' || data.type === 'TXT') && owner.endsWith(serviceName)) instance = owner;
    if (instance === undefined) continue;
    const hostName = data.type === 'SRV' ? data.target : (entries.get(instance)?.hostName ?? '');
    entries.set(instance, { hostName, ttlSeconds });
  }
  return [...entries].map(([instance, { hostName, ttlSeconds }]) => ({
    instance,
    hostName,
    ttlSeconds,
    ipv4: records.flatMap(({ owner, data }) =>
      data.type === 'A' && owner === hostName ? [data.address] : [],
    ),
    hasIpv6: records.some(({ owner, data }) => data.type === 'AAAA' && owner === hostName),
  }));
}

/** What a message does to the search for a host in one service (EVE `queryService`). */
export type EntryVerdict =
  | { readonly kind: 'none' }
  /** Ends the search in this service, even without an IPv4 address. */
  | {
      readonly kind: 'match';
      readonly entry: ServiceEntry;
      /** More than one instance is handed over: EVE stops reading after the first match, and its library waits. */
      readonly canBlock: boolean;
    };

/** `strings.Contains(entry.HostName, hostname)`; an entry counts only with an address, and alive. */
export function judgeEntries(entries: readonly ServiceEntry[], hostName: string): EntryVerdict {
  const handedOver = entries.filter(
    ({ ttlSeconds, ipv4, hasIpv6 }) => ttlSeconds !== 0 && (ipv4.length > 0 || hasIpv6),
  );
  const entry = handedOver.find((each) => each.hostName.includes(hostName));
  return entry === undefined ? { kind: 'none' } : { kind: 'match', entry, canBlock: handedOver.length > 1 };
}
