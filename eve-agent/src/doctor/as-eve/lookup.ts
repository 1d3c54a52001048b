// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { SERVICES, type Service, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import { encode } from 'dns-packet';
import type { Bridge } from '../../discovery/bridges.ts';
import type { MdnsSockets, OpenMdnsSockets } from '../probes/mdns-sockets.ts';
import { type Candidate, candidatesIn } from './candidates.ts';
import { readEntriesFor, serviceEntriesIn } from './service-entries.ts';
import { readWireMessage, type WireMessage } from './wire-message.ts';

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
  /** The message that decided held further instances: EVE's downloader never closes this lookup's socket. */
  readonly leaksSocket: boolean;
  /** Whom this lookup heard that could be taken for the host, in whatever service. */
  readonly candidates: readonly Candidate[];
  /** Services that were asked for no further, since another host's entry had come first. */
  readonly quietedServices: readonly Service[];
  /** Hosts that could have been taken, had their instance name not been seen for another before. */
  readonly droppedHostNames: readonly string[];
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

/** What one lookup finds out beside its result. */
interface Findings {
  readonly discarded: Set<string>;
  readonly messages: WireMessage[];
  readonly quietedServices: Service[];
  readonly droppedHostNames: Set<string>;
}

/** More than an honest link says in 30 s. */
const MAX_MESSAGES_KEPT = 1024;

type ServiceResult = {
  readonly addresses: readonly string[];
  readonly hostName: string;
  readonly leaksSocket: boolean;
};

function searchService(
  deps: EveLookupDeps,
  sockets: MdnsSockets,
  service: Service,
  hostName: string,
  findings: Findings,
  signal: AbortSignal,
): Promise<ServiceResult | undefined> {
  const serviceName = `${serviceTypeName(service)}.`;
  const reader = readEntriesFor(hostName);
  const cleanUps: (() => void)[] = [];
  return new Promise<ServiceResult | undefined>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    cleanUps.push(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
    let stopAsking = () => {};
    cleanUps.push(
      sockets.listen(({ bytes }) => {
        const message = readWireMessage(bytes);
        if (typeof message === 'string') {
          findings.discarded.add(message);
          return;
        }
        if (findings.messages.length < MAX_MESSAGES_KEPT) findings.messages.push(message);
        const verdict = reader.take(serviceEntriesIn(message, serviceName));
        for (const dropped of reader.dropped) findings.droppedHostNames.add(dropped);
        if (verdict.kind === 'nothing-new') return;
        // zeroconf `disableProbing`: whoever was found, it asks no more.
        stopAsking();
        if (verdict.kind === 'others') {
          if (!findings.quietedServices.includes(service)) findings.quietedServices.push(service);
          return;
        }
        const { entry, leaksSocket } = verdict;
        resolve({ addresses: entry.ipv4, hostName: entry.hostName, leaksSocket });
      }),
    );
    cleanUps.push(deps.clock.after(PER_SERVICE_MS, () => resolve(undefined)));
    stopAsking = startQuestions(deps, () => {
      const question = encodeQuestion(service, deps.random);
      for (const bridge of sockets.bridges) void sockets.send(bridge, question);
    });
    cleanUps.push(stopAsking);
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
    const servicesWithoutIpv4: Service[] = [];
    const findings: Findings = {
      discarded: new Set(),
      messages: [],
      quietedServices: [],
      droppedHostNames: new Set(),
    };
    const facts = () => ({
      servicesWithoutIpv4,
      discarded: [...findings.discarded],
      candidates: candidatesIn(findings.messages, hostName),
      quietedServices: findings.quietedServices,
      droppedHostNames: [...findings.droppedHostNames],
      elapsedMs: deps.clock.nowMs() - startMs,
    });
    // A socket for each service, as EVE has it: nothing that was meant for one is read for the next.
    for (const service of SERVICES) {
      const sockets = await deps.openSockets(bridges, { ipTtl: EVE_IP_TTL });
      try {
        const found = await searchService(deps, sockets, service, hostName, findings, signal);
        if (found === undefined) continue;
        const { addresses, hostName: takenHostName, leaksSocket } = found;
        if (addresses.length > 0) return { service, addresses, takenHostName, leaksSocket, ...facts() };
        servicesWithoutIpv4.push(service);
      } finally {
        await sockets.close();
      }
    }
    return { service: null, addresses: [], takenHostName: null, leaksSocket: false, ...facts() };
  };
}
