// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import type { Log } from '@local-datastore/shared/log';
import type { ResponsePacket } from 'multicast-dns';
import createMulticastDns from 'multicast-dns';
import { type ServiceInstance, typeName } from './service-instances.ts';

/** RFC 6762 §5.2: a question is repeated after a second, then after twice as long each time. */
const QUESTION_GAPS_MS = [1000, 2000, 4000];

/** Stands in announcements, and in no answer to what is asked here (RFC 6763 §9). */
const TYPE_ENUMERATION = '_services._dns-sd._udp.local';

/** What a querier must be able to hear from us. */
export interface ExpectedAnswers {
  /** With `.local`. */
  readonly hostName: string;
  /** What is asked from. */
  readonly address: string;
  /** Those of the interface: an answer comes from one of them. */
  readonly sources: readonly string[];
  /** All that an answer must name. */
  readonly addresses: readonly string[];
  readonly instances: readonly Pick<ServiceInstance, 'type' | 'instanceName' | 'port'>[];
}

/**
 * Whether a response is an announcement. It comes without being asked for, so it does not prove that questions
 * are heard.
 */
export function isAnnouncement({ answers = [] }: Partial<Pick<ResponsePacket, 'answers'>>): boolean {
  return answers.some(({ name }) => name === TYPE_ENUMERATION);
}

/**
 * Whether responses show the host's A records with the expected addresses, and an SRV record that leads to
 * the host for each instance. Returns what is still missing, as record names; empty when all was there.
 */
export function missingAnswers(
  packets: readonly Partial<Pick<ResponsePacket, 'answers' | 'additionals'>>[],
  { hostName, addresses, instances }: Pick<ExpectedAnswers, 'hostName' | 'addresses' | 'instances'>,
): string[] {
  // A record with TTL 0 is a goodbye (RFC 6762 §10.1).
  const records = packets
    .flatMap(({ answers = [], additionals = [] }) => [...answers, ...additionals])
    .filter((record) => !('ttl' in record) || record.ttl !== 0);
  const hasAddress = addresses.every((address) =>
    records.some(
      (record) => record.type === 'A' && isSameHost(record.name, hostName) && record.data === address,
    ),
  );
  const missingInstances = instances.filter(
    ({ type, instanceName, port }) =>
      !records.some(
        (record) =>
          record.type === 'SRV' &&
          record.name === `${instanceName}.${typeName({ type })}` &&
          record.data.port === port &&
          isSameHost(record.data.target, hostName),
      ),
  );
  return [
    ...(hasAddress ? [] : [hostName]),
    ...missingInstances.map(({ type, instanceName }) => `${instanceName}.${typeName({ type })}`),
  ];
}

/**
 * Asks on one interface for our own records and listens for our own answer.
 *
 * @param signal ends the question early
 * @returns names of the records that were not seen; empty when our answer was on the wire
 */
export type AskForOwnAnswers = (expected: ExpectedAnswers, signal: AbortSignal) => Promise<string[]>;

export function createAskForOwnAnswers({ log }: { log: Log }): AskForOwnAnswers {
  return async (expected, signal) => {
    const { hostName, address, sources, instances } = expected;
    // What EVE asks for as well: neighbours that it may take for us are heard of by their answers.
    const typeNames = new Set([...instances.map(typeName), ...SERVICES.map(serviceTypeName)]);
    // multicast-dns 7.2.5: `interface` alone would bind to the address, where no multicast arrives on Linux.
    const mdns = createMulticastDns({ interface: address, bind: '0.0.0.0' });
    const onTrouble = (error: Error) => log.debug({ err: error }, 'self-check socket');
    mdns.on('error', onTrouble);
    mdns.on('warning', onTrouble);

    const packets: ResponsePacket[] = [];
    const complete = new AbortController();
    mdns.on('response', (packet, { address: source }) => {
      if (!sources.includes(source) || isAnnouncement(packet)) return;
      packets.push(packet);
      if (missingAnswers(packets, expected).length === 0) complete.abort();
    });
    const ended = AbortSignal.any([signal, complete.signal]);
    try {
      for (const gapMs of QUESTION_GAPS_MS) {
        mdns.query([
          ...[...typeNames].map((name) => ({ name, type: 'PTR' as const })),
          { name: hostName, type: 'A' as const },
        ]);
        await delay(gapMs, undefined, { signal: ended }).catch(() => {});
        if (ended.aborted) break;
      }
      return missingAnswers(packets, expected);
    } finally {
      await new Promise<void>((resolve) => mdns.destroy(resolve));
    }
  };
}
