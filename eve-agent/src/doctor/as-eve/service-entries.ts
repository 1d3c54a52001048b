// SPDX-License-Identifier: Apache-2.0
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
  | { readonly kind: 'nothing-new' }
  /** Entries of other hosts: zeroconf takes them for an answer and asks no more. */
  | { readonly kind: 'others' }
  /** Ends the search in this service, even without an IPv4 address. */
  | {
      readonly kind: 'match';
      readonly entry: ServiceEntry;
      /** EVE stops reading after the match: its library waits for ever with the others, and keeps its socket. */
      readonly leaksSocket: boolean;
    };

/** The entries of one service, as they are handed to EVE within one lookup. */
export interface EntryReader {
  take(entries: readonly ServiceEntry[]): EntryVerdict;
  /** SRV targets that hold the wanted name and that were not handed over, as their instance was seen before. */
  readonly dropped: ReadonlySet<string>;
}

const hasAddress = ({ ipv4, hasIpv6 }: ServiceEntry) => ipv4.length > 0 || hasIpv6;

/**
 * Starts reading: an entry counts alive, with an address, and once (zeroconf `sentEntries`); the wanted host is
 * whoever's name holds the wanted one (`strings.Contains(entry.HostName, hostname)`).
 */
export function readEntriesFor(hostName: string): EntryReader {
  const sent = new Set<string>();
  const dropped = new Set<string>();
  const isTaken = (entry: ServiceEntry) => entry.hostName.includes(hostName);

  function isHandedOver(entry: ServiceEntry): boolean {
    if (entry.ttlSeconds === 0) {
      sent.delete(entry.instance);
      return false;
    }
    if (!hasAddress(entry)) return false;
    if (!sent.has(entry.instance)) return true;
    if (isTaken(entry)) dropped.add(entry.hostName);
    return false;
  }

  return {
    dropped,
    take(entries) {
      const handedOver = entries.filter(isHandedOver);
      for (const { instance } of handedOver) sent.add(instance);
      const entry = handedOver.find(isTaken);
      if (entry !== undefined) return { kind: 'match', entry, leaksSocket: handedOver.length > 1 };
      return { kind: handedOver.length > 0 ? 'others' : 'nothing-new' };
    },
  };
}
