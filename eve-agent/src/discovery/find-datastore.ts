// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, type Service, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import { printableText } from '@local-datastore/shared/text/printable-text';
import type { Bridge } from './bridges.ts';
import { DiscoveryError } from './discovery-error.ts';
import { type DnsMessage, type MdnsQuery, recordsOf } from './dns-message.ts';
import { hostNamesIn, type Judgement, judgeAnswer } from './judge-answer.ts';
import type { OpenQuerier, PacketCounts, Querier, ReceivedResponse } from './querier.ts';
import { startQuerySchedule } from './query-schedule.ts';

/** Where a datastore was found. */
export interface DatastoreLocation {
  /** The name that was asked for. */
  readonly host: string;
  readonly address: string;
  readonly bridge: Bridge;
  /** The local address to connect from: the bridge's own. */
  readonly sourceAddress: string;
  /** Who answered. */
  readonly responder: string;
  /** From the first question to the answer. */
  readonly elapsedMs: number;
  /** The first in EVE's order of those that were seen to name the host; null: only the address was. */
  readonly service: Service | null;
  /** Other addresses that arrived together with the first. */
  readonly alternatives: readonly { readonly address: string; readonly bridge: Bridge }[];
  readonly packets: PacketCounts;
}

export interface FindDatastoreDeps {
  readonly openQuerier: OpenQuerier;
  readonly clock: Clock;
}

export interface FindDatastoreRequest {
  /** A host name on `.local`. */
  readonly host: string;
  readonly bridges: readonly Bridge[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Addresses that do not count: something else under the same name is looked for. */
  readonly avoidedAddresses?: ReadonlySet<string> | undefined;
}

export type FindDatastore = (request: FindDatastoreRequest) => Promise<DatastoreLocation>;

/**
 * More than an honest link says in a second. Where it is exceeded, questions and answers are lost on the way, and
 * the host is asked for every second, from our own port alone; the intervals of RFC 6762 §5.2 stand for
 * port 5353, and are long where every datagram arrives.
 */
const FLOOD_DATAGRAMS = 100;
const FLOOD_INTERVAL_MS = 1000;

/** How many of each are kept for the message when nothing is found. */
const MAX_NAMES_REPORTED = 16;
const MAX_REFUSALS_REPORTED = 8;
const MAX_ALTERNATIVES = 16;

/**
 * The questions of one round, as separate datagrams: Avahi delays its whole answer by 20–120 ms as soon as
 * one question of the datagram is for a shared record (RFC 6762 §6), and answers that for the address alone
 * at once.
 *
 * @param round 0 asks for unicast answers as well (RFC 6762 §5.4): Avahi would not multicast again what it
 *   multicast half a second ago, for an earlier command
 */
export function planQueries(host: string, round: number): MdnsQuery[] {
  return [
    { questions: [{ name: host, type: 'A' }], wantsUnicast: round === 0 },
    { questions: SERVICES.map((service) => ({ name: serviceTypeName(service), type: 'PTR' })) },
  ];
}

/**
 * Makes the search for a datastore: on all bridges at once for the host's address and for the services in
 * which EVE looks for it; the first sound answer wins.
 *
 * @throws (the returned function) DiscoveryError `DATASTORE_NOT_FOUND` after `timeoutMs`, with the names that
 *   did answer; `MDNS_UNAVAILABLE`; the signal's reason
 */
export function createFindDatastore({ openQuerier, clock }: FindDatastoreDeps): FindDatastore {
  return async ({ host, bridges, timeoutMs, signal, avoidedAddresses }) => {
    signal.throwIfAborted();
    const querier = await openQuerier(bridges);
    const search = createSearch(host, avoidedAddresses);
    const cleanUps: (() => void)[] = [];
    try {
      return await new Promise<DatastoreLocation>((resolve, reject) => {
        const onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort);
        cleanUps.push(() => signal.removeEventListener('abort', onAbort));
        if (signal.aborted) onAbort();

        const startMs = clock.nowMs();
        querier.onResponse((response) => {
          const verdict = search.take(response);
          if (verdict === 'rejected') querier.countRejected();
          if (verdict !== 'first') return;
          const elapsedMs = clock.nowMs() - startMs;
          // What arrived in the same moment is read before the report is made, at no cost.
          setImmediate(() => resolve({ ...search.report(), elapsedMs, packets: querier.packets() }));
        });
        const giveUp = () => reject(search.notFound(querier.bridges, timeoutMs, querier.packets()));
        cleanUps.push(clock.after(timeoutMs, giveUp));
        cleanUps.push(
          startQuerySchedule(clock, (round) => {
            const queries = planQueries(host, round);
            for (const query of queries) for (const bridge of querier.bridges) querier.ask(bridge, query);
          }),
        );
        cleanUps.push(askInFlood(querier, clock, host));
      });
    } finally {
      for (const cleanUp of cleanUps) cleanUp();
      await querier.close();
    }
  };
}

/** Asks once more for the host whenever a flood came by within a second. @returns a function that ends it */
function askInFlood(querier: Querier, clock: Clock, host: string): () => void {
  let cancel = () => {};
  const watch = (receivedBefore: number) => {
    cancel = clock.after(FLOOD_INTERVAL_MS, () => {
      const { received } = querier.packets();
      watch(received);
      if (received - receivedBefore <= FLOOD_DATAGRAMS) return;
      const query: MdnsQuery = { questions: [{ name: host, type: 'A' }] };
      for (const bridge of querier.bridges) querier.askOneShot(bridge, query);
    });
  };
  watch(querier.packets().received);
  return () => cancel();
}

interface Sighting {
  readonly address: string;
  readonly bridge: Bridge;
  readonly responder: string;
}

function refusalText({ reason, address, alias }: Extract<Judgement, { kind: 'rejected' }>): string {
  if (alias !== undefined)
    return `the name is an alias (CNAME) of ${printableText(alias)}, to be asked for itself`;
  return address === undefined ? reason : `${reason} ${address}`;
}

/** What one search has seen. */
function createSearch(host: string, avoidedAddresses: ReadonlySet<string> = new Set()) {
  const sightings: Sighting[] = [];
  const services = new Map<Bridge, Set<Service>>();
  const otherNames = new Set<string>();
  const refusals = new Set<string>();
  /** What was said of the wanted host itself, though not where it is. */
  let isNamed = false;
  let ipv6Address: string | undefined;

  function keepNames(message: DnsMessage): void {
    for (const name of hostNamesIn(message)) {
      if (isSameHost(name, host)) isNamed = true;
      else if (otherNames.size < MAX_NAMES_REPORTED) otherNames.add(printableText(name));
    }
    for (const record of recordsOf(message)) {
      if (record.type === 'AAAA' && record.ttl !== 0 && isSameHost(record.name, host)) {
        ipv6Address ??= record.data;
      }
    }
  }

  function whatIsMissing(): string {
    if (!isNamed) return '';
    return ipv6Address === undefined
      ? 'services name the host, but nobody tells its address; '
      : `the host tells an IPv6 address alone, ${printableText(ipv6Address)}, and IPv4 is needed; `;
  }

  function keepServices(bridge: Bridge, named: readonly Service[]): void {
    const known = services.get(bridge) ?? new Set();
    services.set(bridge, known);
    for (const service of named) known.add(service);
  }

  return {
    take({ message, source, bridge }: ReceivedResponse): 'first' | 'more' | 'rejected' | 'irrelevant' {
      const judgement = judgeAnswer(message, source, bridge, host);
      if (judgement.kind === 'rejected') {
        if (refusals.size < MAX_REFUSALS_REPORTED) {
          refusals.add(`${source} on ${bridge.name}: ${refusalText(judgement)}`);
        }
        return 'rejected';
      }
      keepServices(bridge, judgement.services);
      if (judgement.kind === 'irrelevant') {
        keepNames(message);
        return 'irrelevant';
      }
      const { address } = judgement;
      if (avoidedAddresses.has(address)) return 'irrelevant';
      const isKnown = sightings.some((seen) => seen.address === address && seen.bridge === bridge);
      if (!isKnown && sightings.length <= MAX_ALTERNATIVES) {
        sightings.push({ address, bridge, responder: source });
      }
      return sightings.length === 1 && !isKnown ? 'first' : 'more';
    },

    /** Only after `take` said `first`. */
    report() {
      const [first, ...others] = sightings;
      if (first === undefined) throw new Error('no answer was taken');
      const named = services.get(first.bridge);
      return {
        host,
        ...first,
        sourceAddress: first.bridge.address,
        service: SERVICES.find((service) => named?.has(service)) ?? null,
        alternatives: others.map(({ address, bridge }) => ({ address, bridge })),
      };
    },

    notFound(bridges: readonly Bridge[], timeoutMs: number, packets: PacketCounts): DiscoveryError {
      const bridgeNames = [...new Set(bridges.map(({ name }) => name))];
      const names = [...otherNames];
      const others = names.length === 0 ? 'nobody else answered' : `others answered: ${names.join(', ')}`;
      const refused = refusals.size === 0 ? '' : `; refused: ${[...refusals].join(', ')}`;
      return new DiscoveryError(
        'DATASTORE_NOT_FOUND',
        `no datastore ${printableText(host)} on ${bridgeNames.join(', ')} within ${timeoutMs / 1000} s; ` +
          `${whatIsMissing()}${others}${refused}`,
        {
          retryable: true,
          details: {
            host,
            bridges: bridgeNames,
            timeoutMs,
            otherNames: names,
            refusals: [...refusals],
            ...packets,
          },
        },
      );
    },
  };
}
