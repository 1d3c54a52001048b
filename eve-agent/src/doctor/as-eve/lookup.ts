import { SERVICES, type Service, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import { encode } from 'dns-packet';
import type { Bridge } from '../../discovery/bridges.ts';
import type { Clock } from '../../discovery/clock.ts';
import type { MdnsSockets, OpenMdnsSockets } from '../probes/mdns-sockets.ts';
import { judgeEntries, serviceEntriesIn } from './service-entries.ts';
import { readWireMessage } from './wire-message.ts';

/** EVE `queryService`. */
const PER_SERVICE_MS = 10_000;
/** zeroconf `periodicQuery`: an exponential back-off, each interval up to half shorter or longer. */
const FIRST_INTERVAL_MS = 4000;
const INTERVAL_FACTOR = 1.5;
/** So that no router passes it on. */
export const EVE_IP_TTL = 1;

/** How stock EVE's search for a host ended (`findDSmDNS`, without its choice among the addresses). */
export interface EveLookup {
  /** Null: found in none. */
  readonly service: Service | null;
  /** In the order of the records; empty when not found. */
  readonly addresses: readonly string[];
  /** SRV's target that was taken, with the root. */
  readonly takenHostName: string | null;
  /** The message that decided held further instances, on which EVE's downloader may hang. */
  readonly canBlock: boolean;
  /** Services in which a match without an IPv4 address ended the search. */
  readonly servicesWithoutIpv4: readonly Service[];
  /** Why messages were discarded, each reason once. */
  readonly discarded: readonly string[];
  readonly elapsedMs: number;
}

export interface EveLookupDeps {
  readonly openSockets: OpenMdnsSockets;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
}

/** The bytes of EVE's question: one PTR, class IN, no flags, an ID other than 0. */
function encodeQuestion(service: Service, random: () => number): Buffer {
  const id = 1 + Math.floor(random() * 65_535);
  return encode({ type: 'query', id, questions: [{ type: 'PTR', name: serviceTypeName(service) }] });
}

/** Asks twice at once, then at growing intervals. @returns a function that ends it */
function startQuestions({ clock, random }: EveLookupDeps, ask: () => void): () => void {
  let cancel = () => {};
  const next = (intervalMs: number) => {
    cancel = clock.after(intervalMs * (0.5 + random()), () => {
      next(intervalMs * INTERVAL_FACTOR);
      ask();
    });
  };
  next(FIRST_INTERVAL_MS);
  ask();
  ask();
  return () => cancel();
}

type ServiceResult = {
  readonly addresses: readonly string[];
  readonly hostName: string;
  readonly canBlock: boolean;
};

function searchService(
  deps: EveLookupDeps,
  sockets: MdnsSockets,
  service: Service,
  hostName: string,
  onDiscarded: (reason: string) => void,
  signal: AbortSignal,
): Promise<ServiceResult | undefined> {
  const serviceName = `${serviceTypeName(service)}.`;
  const cleanUps: (() => void)[] = [];
  return new Promise<ServiceResult | undefined>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    cleanUps.push(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
    cleanUps.push(
      sockets.listen(({ bytes }) => {
        const message = readWireMessage(bytes);
        if (typeof message === 'string') {
          onDiscarded(message);
          return;
        }
        const verdict = judgeEntries(serviceEntriesIn(message, serviceName), hostName);
        if (verdict.kind === 'none') return;
        const { entry, canBlock } = verdict;
        resolve({ addresses: entry.ipv4, hostName: entry.hostName, canBlock });
      }),
    );
    cleanUps.push(deps.clock.after(PER_SERVICE_MS, () => resolve(undefined)));
    cleanUps.push(
      startQuestions(deps, () => {
        const question = encodeQuestion(service, deps.random);
        for (const bridge of sockets.bridges) void sockets.send(bridge, question);
      }),
    );
  }).finally(() => {
    for (const cleanUp of cleanUps) cleanUp();
  });
}

/**
 * Makes the search for a host as stock EVE's downloader does it: one service after another, each for ten
 * seconds, on all bridges, judged message by message.
 *
 * @throws (the returned function) DiscoveryError `MDNS_UNAVAILABLE`; the signal's reason
 */
export function createEveLookup(
  deps: EveLookupDeps,
): (hostName: string, bridges: readonly Bridge[], signal: AbortSignal) => Promise<EveLookup> {
  return async (hostName, bridges, signal) => {
    const startMs = deps.clock.nowMs();
    const discarded = new Set<string>();
    const servicesWithoutIpv4: Service[] = [];
    const facts = () => ({
      servicesWithoutIpv4,
      discarded: [...discarded],
      elapsedMs: deps.clock.nowMs() - startMs,
    });
    // A socket for each service, as EVE has it: nothing that was meant for one is read for the next.
    for (const service of SERVICES) {
      const sockets = await deps.openSockets(bridges, { ipTtl: EVE_IP_TTL });
      try {
        const keep = (reason: string) => discarded.add(reason);
        const found = await searchService(deps, sockets, service, hostName, keep, signal);
        if (found === undefined) continue;
        const { addresses, hostName: takenHostName, canBlock } = found;
        if (addresses.length > 0) return { service, addresses, takenHostName, canBlock, ...facts() };
        servicesWithoutIpv4.push(service);
      } finally {
        await sockets.close();
      }
    }
    return { service: null, addresses: [], takenHostName: null, canBlock: false, ...facts() };
  };
}
