// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, type Service, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import type { Bridge } from '../discovery/bridges.ts';
import type { DatagramVerdict } from '../discovery/datagram-filter.ts';
import { type DnsMessage, recordsOf } from '../discovery/dns-message.ts';
import { judgeAnswer, type RejectionReason } from '../discovery/judge-answer.ts';
import type { HeardDatagram, MulticastEvidence } from './observations.ts';

/** A sound answer for the wanted host. */
export interface Sighting {
  readonly address: string;
  readonly bridge: Bridge;
  readonly source: string;
}

/** Why a search does not take a message: by its header and source, or by what it says. */
export type RefusalReason =
  | RejectionReason
  | Extract<DatagramVerdict, { kind: 'rejected' }>['reason']
  /** An opcode or an error code that is not zero. */
  | 'header-not-zero';

/** A message about the wanted host that does not count, and why. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly address: string | null;
  /** What the host's name is an alias of, when that is why. */
  readonly alias: string | null;
  readonly source: string;
  readonly bridge: Bridge | null;
}

type HeardResponse = HeardDatagram & { readonly message: DnsMessage };

export const responsesIn = ({ heard }: MulticastEvidence): HeardResponse[] =>
  heard.filter((each): each is HeardResponse => each.message !== null);

/** Records that say something of the host that owns them. */
const ABOUT_OWNER: ReadonlySet<string> = new Set(['A', 'AAAA', 'CNAME']);

/** Whether anybody was heard at all, on any bridge; be it somebody whose address is in the subnet of none. */
export function isAnythingHeard({ hearings, heard }: MulticastEvidence): boolean {
  return heard.length > 0 || hearings.some(({ heardCount }) => heardCount > 0);
}

/** Whether a message says anything of a host: an address, that it is an alias, or a service on it. */
export function isAbout(message: DnsMessage, host: string): boolean {
  return recordsOf(message).some(
    (record) =>
      (ABOUT_OWNER.has(record.type) && isSameHost(record.name, host)) ||
      (record.type === 'SRV' && isSameHost(record.data.target, host)),
  );
}

/** The sound answers, each address on each bridge from each source once, in the order of arrival. */
export function sightingsOf(multicast: MulticastEvidence): Sighting[] {
  const sightings = new Map<string, Sighting>();
  for (const { message, source, verdict } of responsesIn(multicast)) {
    if (verdict.kind !== 'response') continue;
    const { bridge } = verdict;
    // Record by record: of a whole message only the first address would count.
    for (const record of recordsOf(message)) {
      const alone: DnsMessage = { type: 'response', answers: [record] };
      const judgement = judgeAnswer(alone, source, bridge, multicast.host);
      if (judgement.kind !== 'match') continue;
      const sighting = { address: judgement.address, bridge, source };
      const key = `${bridge.address} ${source} ${judgement.address}`;
      if (!sightings.has(key)) sightings.set(key, sighting);
    }
  }
  return [...sightings.values()];
}

/** The answers for the host that do not count. */
export function refusalsOf(multicast: MulticastEvidence): Refusal[] {
  return responsesIn(multicast).flatMap(({ message, source, bridge, verdict }): Refusal[] => {
    if (verdict.kind !== 'response' || bridge === null) {
      if (!isAbout(message, multicast.host)) return [];
      const reason = verdict.kind === 'rejected' ? verdict.reason : 'header-not-zero';
      return [{ reason, address: null, alias: null, source, bridge }];
    }
    const judgement = judgeAnswer(message, source, bridge, multicast.host);
    if (judgement.kind !== 'rejected') return [];
    const { reason, address = null, alias = null } = judgement;
    return [{ reason, address, alias, source, bridge }];
  });
}

/** The services of a host, by the SRV records of a message, as they were written. */
export function serviceRecordsOf(
  message: DnsMessage,
  isWanted: (target: string) => boolean,
): { readonly service: Service; readonly instance: string; readonly target: string }[] {
  return recordsOf(message).flatMap((record) => {
    if (record.type !== 'SRV' || record.ttl === 0 || !isWanted(record.data.target)) return [];
    const service = SERVICES.find((each) => record.name.toLowerCase().endsWith(`.${serviceTypeName(each)}`));
    return service === undefined ? [] : [{ service, instance: record.name, target: record.data.target }];
  });
}

/** Whether a message holds both a service of the host and the address of just that name, as stock EVE needs it. */
export function hasAddressBesideService(multicast: MulticastEvidence): boolean {
  const isOurs = (target: string) => isSameHost(target, multicast.host);
  return responsesIn(multicast).some(({ message, bridge }) =>
    serviceRecordsOf(message, isOurs).some(
      ({ target }) =>
        bridge !== null && recordsOf(message).some((record) => record.type === 'A' && record.name === target),
    ),
  );
}
