import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Bridge } from '../../discovery/bridges.ts';
import { DiscoveryError } from '../../discovery/discovery-error.ts';

export interface RawDatagram {
  readonly bytes: Buffer;
  readonly source: string;
  readonly sourcePort: number;
}

/** Bare sockets on the mDNS port of several bridges: nothing is judged, nothing left out. */
export interface MdnsSockets {
  readonly bridges: readonly Bridge[];
  /** Why the group could not be joined on a bridge; undefined: it was. */
  joinError(bridge: Bridge): string | undefined;
  /** @returns the system's refusal, or null. @param address instead of the group */
  send(bridge: Bridge, bytes: Buffer, address?: string): Promise<string | null>;
  /** @returns a function that ends it */
  listen(listener: (datagram: RawDatagram) => void): () => void;
  close(): Promise<void>;
}

export interface MdnsSocketOptions {
  /** Of what is multicast. Absent: 255, as RFC 6762 §11 wants. */
  readonly ipTtl?: number;
}

export type OpenMdnsSockets = (
  bridges: readonly Bridge[],
  options?: MdnsSocketOptions,
) => Promise<MdnsSockets>;

const RFC_IP_TTL = 255;

async function bindSocket(bridge: Bridge, ipTtl: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    socket.bind(MDNS_PORT, '0.0.0.0');
    await once(socket, 'listening');
    socket.setMulticastInterface(bridge.address);
    socket.setMulticastTTL(ipTtl);
    return socket;
  } catch (error) {
    socket.close();
    throw new DiscoveryError(
      'MDNS_UNAVAILABLE',
      `multicast DNS (UDP port ${MDNS_PORT}) cannot be used on ${bridge.name}: ${errorMessage(error)}`,
      { cause: error },
    );
  }
}

/**
 * Opens a socket for each bridge to send by. One of them receives for all: Linux gives a multicast to every
 * socket of the port, and a unicast to the one that was bound last.
 *
 * @throws DiscoveryError `MDNS_UNAVAILABLE` when the system refuses the port
 */
export const openMdnsSockets: OpenMdnsSockets = async (bridges, { ipTtl = RFC_IP_TTL } = {}) => {
  const sockets = new Map<Bridge, Socket>();
  const joinErrors = new Map<Bridge, string>();
  const listeners = new Set<(datagram: RawDatagram) => void>();
  const close = async () => {
    const closing = [...sockets.values()].map((socket) => {
      const closed = once(socket, 'close');
      socket.close();
      return closed;
    });
    sockets.clear();
    await Promise.all(closing);
  };
  try {
    for (const bridge of bridges) sockets.set(bridge, await bindSocket(bridge, ipTtl));
  } catch (error) {
    await close();
    throw error;
  }
  // A failure to send is told where it is sent.
  for (const socket of sockets.values()) socket.on('error', () => {});
  const receiver = [...sockets.values()].at(-1);
  receiver?.on('message', (bytes, { address: source, port: sourcePort }) => {
    for (const listener of [...listeners]) listener({ bytes, source, sourcePort });
  });
  for (const bridge of bridges) {
    try {
      receiver?.addMembership(MDNS_GROUP_IPV4, bridge.address);
    } catch (error) {
      joinErrors.set(bridge, errorMessage(error));
    }
  }
  return {
    bridges,
    joinError: (bridge) => joinErrors.get(bridge),
    send: (bridge, bytes, address = MDNS_GROUP_IPV4) =>
      new Promise((resolve) => {
        const socket = sockets.get(bridge);
        if (socket === undefined) resolve('the socket is closed');
        else socket.send(bytes, MDNS_PORT, address, (error) => resolve(error ? errorMessage(error) : null));
      }),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close,
  };
};
