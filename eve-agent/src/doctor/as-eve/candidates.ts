// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, type Service, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import { serviceEntriesIn } from './service-entries.ts';
import type { WireMessage } from './wire-message.ts';

/** A host that stock EVE would take for the wanted one in a service: itself, or one whose name holds its name. */
export interface Candidate {
  readonly service: Service;
  /** SRV's target, with the root. */
  readonly hostName: string;
  readonly isWanted: boolean;
  readonly ipv4: readonly string[];
}

/** The candidates in messages, each in each service once, in EVE's order of services. */
export function candidatesIn(messages: readonly WireMessage[], hostName: string): Candidate[] {
  return SERVICES.flatMap((service) => {
    const candidates = new Map<string, Candidate>();
    const serviceName = `${serviceTypeName(service)}.`;
    for (const entry of messages.flatMap((message) => serviceEntriesIn(message, serviceName))) {
      const { hostName: name, ttlSeconds, ipv4, hasIpv6 } = entry;
      const isHandedOver = ttlSeconds !== 0 && (ipv4.length > 0 || hasIpv6);
      if (!isHandedOver || !name.includes(hostName) || candidates.has(name)) continue;
      candidates.set(name, { service, hostName: name, isWanted: isSameHost(name, hostName), ipv4 });
    }
    return [...candidates.values()];
  });
}

/** Whether it is always the same host that EVE takes when it looks for one. */
export type Race =
  /** No other host can be taken. */
  | { readonly kind: 'clear'; readonly addresses: readonly string[] }
  /** Another one can: whose answer comes first is chance, each time anew. `addresses` are those of the wanted. */
  | { readonly kind: 'toss'; readonly rival: string; readonly addresses: readonly string[] }
  /** Another one is taken, and the wanted one cannot be in that service or an earlier one. */
  | { readonly kind: 'lost'; readonly rival: string };

/**
 * Judges a lookup that took a host, by who else could be taken; who came first this once does not count.
 *
 * @param candidates whoever was heard, in the lookup and before
 */
export function judgeRace(
  taken: { readonly hostName: string; readonly service: Service; readonly addresses: readonly string[] },
  candidates: readonly Candidate[],
  hostName: string,
): Race {
  const { addresses } = taken;
  if (isSameHost(taken.hostName, hostName)) {
    const rival = candidates.find(({ isWanted }) => !isWanted);
    return rival === undefined
      ? { kind: 'clear', addresses }
      : { kind: 'toss', rival: rival.hostName, addresses };
  }
  const place = SERVICES.indexOf(taken.service);
  const wanted = candidates.find(({ isWanted, service }) => isWanted && SERVICES.indexOf(service) <= place);
  const rival = taken.hostName;
  return wanted === undefined ? { kind: 'lost', rival } : { kind: 'toss', rival, addresses: wanted.ipv4 };
}
