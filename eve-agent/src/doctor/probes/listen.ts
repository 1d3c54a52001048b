// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { SERVICES, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import type { PortRefusal } from '../../discovery/bridge-sockets.ts';
import type { Bridge } from '../../discovery/bridges.ts';
import { createDatagramFilter } from '../../discovery/datagram-filter.ts';
import { decodeMessage } from '../../discovery/decode-message.ts';
import { type DnsMessage, encodeQuery, type MdnsQuery } from '../../discovery/dns-message.ts';
import { readWireMessage } from '../as-eve/wire-message.ts';
import { hasAddressBesideService, sightingsOf } from '../host-records.ts';
import type { BridgeHearing, HeardDatagram, MulticastEvidence, SilentNeighbour } from '../observations.ts';
import type { MdnsSockets, OpenMdnsSockets, RawDatagram } from './mdns-sockets.ts';

export interface ListenDeps {
  readonly openSockets: OpenMdnsSockets;
  readonly clock: Clock;
  /** Who keeps port 5353 from us, as one clause. */
  describePortHolder(refusal: PortRefusal): string;
  /** Addresses on a link that the kernel has a link address of. */
  readNeighbours(interfaceName: string): Promise<readonly string[]>;
  /** Whether a connection from the bridge's address is accepted. */
  canConnect(bridge: Bridge, address: string, port: number): Promise<boolean>;
}

export interface ListenRequest {
  readonly host: string;
  /** Of the URL, for neighbours that keep silent. */
  readonly port: number;
  readonly bridges: readonly Bridge[];
  readonly listenMs: number;
  readonly signal: AbortSignal;
}

/** More than an honest network says in the time; a hostile one cannot make us keep more. */
const MAX_HEARD = 1024;
const MAX_HEARD_PER_SOURCE = 64;
/** Above all others, as a flood on port 5353 must not use it up. */
const MAX_HEARD_ON_OWN_PORT = 64;
/**
 * RFC 6762 §6: a record need not be multicast again within a second, whoever asked before, or if it was just
 * announced. What seems to be missing is asked for again after that; not in step with the announcements of a
 * responder that has just started, which come after 1, 2, 4 … s.
 */
const FURTHER_LOOK_DELAYS_MS = [1200, 1700, 2300];
const FURTHER_LOOK_MS = 700;
const MAX_NEIGHBOURS = 8;
const NEIGHBOUR_WAIT_MS = 1000;

/** RFC 6763 §9: whoever offers anything answers it. */
const ENUMERATION = '_services._dns-sd._udp.local';

const servicesQuery: readonly MdnsQuery[] = SERVICES.map((service) => ({
  questions: [{ name: serviceTypeName(service), type: 'PTR' }],
}));

/**
 * What is asked, and when, as a share of the time. Services come first and alone: a responder need not repeat
 * within a second what it has just multicast (RFC 6762 §6), and it matters whether the address stands beside SRV.
 */
function planQuestions(
  host: string,
): readonly { readonly share: number; readonly queries: readonly MdnsQuery[] }[] {
  const address = (['A', 'AAAA'] as const).map((type) => ({ questions: [{ name: host, type }] }));
  const others: MdnsQuery = { questions: [{ name: ENUMERATION, type: 'PTR' }] };
  return [
    { share: 0, queries: [...servicesQuery, others] },
    { share: 0.4, queries: address },
    { share: 0.8, queries: servicesQuery },
  ];
}

function decodeResponse(bytes: Buffer): DnsMessage | null {
  const message = decodeMessage(bytes);
  return message?.type === 'response' ? message : null;
}

/**
 * When, as a share of the time, the host is asked for from a port of our own, as a download does: who answers
 * there alone, or is hidden by a flood on port 5353, must be found by both. For its services only where nothing
 * is heard on port 5353: an answer to one asker need not be what all hear.
 */
const OWN_PORT_SHARES = [0.5, 0.7, 0.9];

/** Asks the neighbours that were not heard, one by one, so that it shows whether only multicast fails. */
async function questionNeighbours(
  { clock, readNeighbours, canConnect }: ListenDeps,
  sockets: MdnsSockets,
  bridge: Bridge,
  heardSources: ReadonlySet<string>,
  port: number,
): Promise<SilentNeighbour[]> {
  const isOnLink = createSubnetTest(bridge.cidr);
  const silent = (await readNeighbours(bridge.name))
    .filter((address) => isOnLink(address) && address !== bridge.address && !heardSources.has(address))
    .slice(0, MAX_NEIGHBOURS);
  if (silent.length === 0) return [];
  const answering = new Set<string>();
  const stop = sockets.listen(({ source }) => answering.add(source));
  const question = encodeQuery({ questions: [{ name: ENUMERATION, type: 'PTR' }] });
  for (const address of silent) await sockets.send(bridge, question, address);
  const waited = new Promise<void>((resolve) => clock.after(NEIGHBOUR_WAIT_MS, resolve));
  const serving = await Promise.all(silent.map((address) => canConnect(bridge, address, port)));
  await waited;
  stop();
  return silent.map((address, i) => ({
    address,
    isServing: serving[i] === true,
    answersUnicast: answering.has(address),
  }));
}

/**
 * Makes the listening: it asks on every bridge for the services, the host and whoever else is there, and keeps
 * what is heard, sound or not.
 *
 * @throws (the returned function) DiscoveryError `MDNS_UNAVAILABLE`; the signal's reason
 */
export function createListen(deps: ListenDeps): (request: ListenRequest) => Promise<MulticastEvidence> {
  const { openSockets, clock } = deps;
  return async ({ host, port, bridges, listenMs, signal }) => {
    signal.throwIfAborted();
    const sockets = await openSockets(bridges);
    const heard: HeardDatagram[] = [];
    const sendErrors = new Map<Bridge, string>();
    const loopedBack = new Set<Bridge>();
    const heardCounts = new Map<Bridge, number>();
    const keptCounts = new Map<string, number>();
    const ownAddresses = new Map(bridges.map((bridge) => [bridge.address, bridge]));
    const links = bridges.map((bridge) => ({ bridge, isOnLink: createSubnetTest(bridge.cidr) }));
    const judge = createDatagramFilter(bridges, clock.nowMs);

    const take = ({ bytes, source, sourcePort, isToOwnPort = false }: RawDatagram) => {
      const verdict = judge(bytes, { address: source, port: sourcePort, isToOwnPort });
      if (verdict.kind === 'query' && verdict.isOfThisHost) {
        const own = ownAddresses.get(source);
        if (own !== undefined) loopedBack.add(own);
        return;
      }
      const bridge = links.find(({ isOnLink }) => isOnLink(source))?.bridge ?? null;
      // Where port 5353 is had, what comes to another says nothing of what is heard there.
      const counts = !isToOwnPort || sockets.portRefusal() !== undefined;
      if (bridge !== null && counts) heardCounts.set(bridge, (heardCounts.get(bridge) ?? 0) + 1);
      const isFlood = verdict.kind === 'rejected' && /^too-/.test(verdict.reason);
      const mostHeard = isToOwnPort ? MAX_HEARD + MAX_HEARD_ON_OWN_PORT : MAX_HEARD;
      if (verdict.kind === 'query' || isFlood || heard.length >= mostHeard) return;
      const sender = `${source} ${isToOwnPort}`;
      const fromSender = (keptCounts.get(sender) ?? 0) + 1;
      if (fromSender > MAX_HEARD_PER_SOURCE) return;
      keptCounts.set(sender, fromSender);
      heard.push({
        source,
        sourcePort,
        bridge,
        verdict,
        message: decodeResponse(bytes),
        wire: readWireMessage(bytes),
      });
    };

    const ask = (query: MdnsQuery) => {
      for (const bridge of bridges) {
        void sockets.send(bridge, encodeQuery(query)).then((error) => {
          if (error !== null && !sendErrors.has(bridge)) sendErrors.set(bridge, error);
        });
      }
    };
    const hostQuery: MdnsQuery = { questions: [{ name: host, type: 'A' }] };
    const askFromOwnPort = () => {
      for (const bridge of bridges) {
        const queries = heardCounts.has(bridge) ? [hostQuery] : [...servicesQuery, hostQuery];
        for (const { questions } of queries) void sockets.askFromOwnPort(bridge, questions);
      }
    };

    const cleanUps: (() => void)[] = [sockets.listen(take)];
    const pass = (durationMs: number) =>
      new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        cleanUps.push(() => signal.removeEventListener('abort', onAbort));
        if (signal.aborted) onAbort();
        cleanUps.push(clock.after(durationMs, resolve));
      });
    try {
      for (const { share, queries } of planQuestions(host)) {
        cleanUps.push(clock.after(listenMs * share, () => queries.forEach(ask)));
      }
      for (const share of OWN_PORT_SHARES) cleanUps.push(clock.after(listenMs * share, askFromOwnPort));
      await pass(listenMs);
      const soFar: MulticastEvidence = { host, listenMs, hearings: [], heard };
      for (const delayMs of FURTHER_LOOK_DELAYS_MS) {
        if (sightingsOf(soFar).length === 0 || hasAddressBesideService(soFar)) break;
        await pass(delayMs);
        servicesQuery.forEach(ask);
        await pass(FURTHER_LOOK_MS);
      }
      const sources = new Set(heard.map(({ source }) => source));
      const hearings = await Promise.all(
        bridges.map(
          async (bridge): Promise<BridgeHearing> => ({
            bridge,
            sendError: sockets.joinError(bridge) ?? sendErrors.get(bridge) ?? null,
            isOwnQuestionHeard: loopedBack.has(bridge),
            heardCount: heardCounts.get(bridge) ?? 0,
            silentNeighbours: await questionNeighbours(deps, sockets, bridge, sources, port),
          }),
        ),
      );
      signal.throwIfAborted();
      const refusal = sockets.portRefusal();
      const portRefusal =
        refusal === undefined
          ? {}
          : { portRefusal: `${deps.describePortHolder(refusal)} (${refusal.message})` };
      return { host, listenMs, ...portRefusal, hearings, heard };
    } finally {
      for (const cleanUp of cleanUps) cleanUp();
      await sockets.close();
    }
  };
}
