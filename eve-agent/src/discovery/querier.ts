import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import createMulticastDns, { type MulticastDNS } from 'multicast-dns';
import type { Bridge } from './bridges.ts';
import type { Clock } from './clock.ts';
import { createDatagramFilter } from './datagram-filter.ts';
import { decodeMessage } from './decode-message.ts';
import { DiscoveryError } from './discovery-error.ts';
import { type DnsMessage, encodeQuery, type MdnsQuery } from './dns-message.ts';

export interface PacketCounts {
  /** Datagrams that reached the mDNS port, but for this host's own questions. */
  readonly received: number;
  /** Of those: not DNS at all. */
  readonly malformed: number;
  /** Of those: refused for where they came from, what they hold, or how many there were. */
  readonly rejected: number;
}

/** A response that came over one of the bridges. Nothing in it can be trusted. */
export interface ReceivedResponse {
  readonly message: DnsMessage;
  /** The sender's address. */
  readonly source: string;
  readonly bridge: Bridge;
}

/** Asks by multicast DNS on several bridges at once, and hears what is answered. */
export interface Querier {
  readonly bridges: readonly Bridge[];
  /** Sends a query on one bridge. What the system refuses is logged: the bridge may be gone. */
  ask(bridge: Bridge, query: MdnsQuery): void;
  onResponse(listener: (response: ReceivedResponse) => void): void;
  /** The listener's verdict on the content of a response, for the counts. */
  countRejected(): void;
  packets(): PacketCounts;
  close(): Promise<void>;
}

export type OpenQuerier = (bridges: readonly Bridge[]) => Promise<Querier>;

export interface QuerierDeps {
  readonly log: Log;
  readonly clock: Clock;
}

interface Link {
  readonly bridge: Bridge;
  readonly socket: Socket;
  readonly mdns: MulticastDNS;
}

/**
 * Makes queriers on real sockets.
 *
 * The returned function joins the group on every bridge. It throws DiscoveryError `MDNS_UNAVAILABLE` when the
 * system refuses the port, or the group on every one of the bridges.
 */
export function createOpenQuerier({ log, clock }: QuerierDeps): OpenQuerier {
  return async (bridges) => {
    const links: Link[] = [];
    const failures: string[] = [];
    const close = async () => {
      await Promise.all(links.splice(0).map(({ mdns }) => new Promise<void>((done) => mdns.destroy(done))));
    };
    for (const bridge of bridges) {
      try {
        links.push(await openLink(bridge, log));
      } catch (error) {
        log.warn({ bridge: bridge.name, err: error }, 'no multicast DNS on this bridge');
        failures.push(`${bridge.name}: ${errorMessage(error)}`);
      }
    }
    const receiver = links.at(-1);
    if (receiver === undefined) {
      throw new DiscoveryError(
        'MDNS_UNAVAILABLE',
        `multicast DNS (UDP port ${MDNS_PORT}) cannot be used: ${failures.join('; ')}`,
        { details: { bridges: bridges.map(({ name }) => name) } },
      );
    }

    const isAsked = links.map(({ bridge }) => bridge);
    const listeners: ((response: ReceivedResponse) => void)[] = [];
    const counts = { received: 0, malformed: 0, rejected: 0 };
    const judge = createDatagramFilter(isAsked, clock.nowMs);
    receiveBehind(receiver, links, (datagram, source) => {
      const verdict = judge(datagram, source);
      if (verdict.kind === 'query' && verdict.isOfThisHost) return;
      counts.received += 1;
      if (verdict.kind === 'malformed' || verdict.kind === 'rejected') counts[verdict.kind] += 1;
      if (verdict.kind !== 'response') return;
      const message = decodeMessage(datagram);
      if (message === null) {
        counts.malformed += 1;
        return;
      }
      for (const listener of listeners) listener({ message, source: source.address, bridge: verdict.bridge });
    });

    return {
      bridges: isAsked,
      ask(bridge, query) {
        const link = links.find((candidate) => candidate.bridge === bridge);
        link?.socket.send(encodeQuery(query), MDNS_PORT, MDNS_GROUP_IPV4, (error) => {
          if (error) log.warn({ bridge: bridge.name, err: error }, 'the question could not be sent');
        });
      },
      onResponse: (listener) => listeners.push(listener),
      countRejected: () => {
        counts.rejected += 1;
      },
      packets: () => ({ ...counts }),
      close,
    };
  };
}

/** One bridge's own instance: multicasts leave by it, from the bridge's address. */
async function openLink(bridge: Bridge, log: Log): Promise<Link> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  // multicast-dns 7.2.5: `interface` alone would bind to that address and so hear no multicast on Linux.
  const mdns = createMulticastDns({ interface: bridge.address, bind: '0.0.0.0', socket });
  let joinError: Error | undefined;
  const keepJoinError = (error: Error) => {
    joinError ??= error;
  };
  mdns.on('warning', keepJoinError);
  try {
    await once(mdns, 'ready');
    if (joinError !== undefined) throw joinError;
  } catch (error) {
    mdns.on('error', () => {});
    mdns.destroy();
    throw error;
  }
  mdns.off('warning', keepJoinError);
  const logError = (error: Error) => log.debug({ bridge: bridge.name, err: error }, 'multicast DNS socket');
  mdns.on('warning', logError);
  mdns.on('error', logError);
  return { bridge, socket, mdns };
}

/**
 * Lets one socket receive for all bridges, past multicast-dns's decoder, which takes messages whole or not at all.
 *
 * Linux gives a multicast to every socket of the port (IP_MULTICAST_ALL), and a unicast to the one that was
 * bound last: that one joins the group everywhere and hears everything once.
 */
function receiveBehind(
  receiver: Link,
  links: readonly Link[],
  handle: (datagram: Buffer, source: RemoteInfo) => void,
): void {
  for (const { socket } of links) socket.removeAllListeners('message').on('message', () => {});
  for (const { bridge } of links) {
    if (bridge !== receiver.bridge) receiver.socket.addMembership(MDNS_GROUP_IPV4, bridge.address);
  }
  receiver.socket.on('message', handle);
}
