// SPDX-License-Identifier: Apache-2.0
import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { once } from 'node:events';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { systemErrorCode } from '@local-datastore/shared/errors';
import {
  closeSocket,
  createMulticastSocket,
  type MulticastSockets,
  type SocketPlace,
} from './multicast-socket.ts';

/**
 * What is asked for; the kernel gives `net.core.rmem_max` at most. It charges a small datagram with about a
 * kilobyte, so that the usual default of 208 KiB is full after a tenth of a second of a flood.
 */
const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024;

/**
 * How a port is shared: by SO_REUSEADDR, as Avahi and others share 5353; where that is refused by SO_REUSEPORT,
 * too, for a program that set nothing else. The kernel gives multicasts to all sockets of a port either way.
 */
const WAYS_TO_SHARE: readonly Omit<SocketOptions, 'type'>[] = [
  { reuseAddr: true },
  { reuseAddr: true, reusePort: true },
];

/** @throws the system's refusal */
async function bindSocket(address: string, port: number): Promise<Socket> {
  const ways = port === 0 ? [{}] : WAYS_TO_SHARE;
  for (const [index, way] of ways.entries()) {
    const socket = createSocket({ type: 'udp4', ...way });
    // At no time may a failure of a socket be nobody's: it would end the process.
    socket.on('error', () => {});
    try {
      const listening = once(socket, 'listening');
      socket.bind({ address, port });
      await listening;
      return socket;
    } catch (error) {
      await closeSocket(socket);
      const isLast = index === ways.length - 1;
      if (isLast || systemErrorCode(error) !== 'EADDRINUSE') throw error;
    }
  }
  throw new Error('there is no way to share the port');
}

/** As {@link MulticastSockets.openGroup}. */
export async function bindGroupSocket(): Promise<Socket> {
  const socket = await bindSocket(MDNS_GROUP_IPV4, MDNS_PORT);
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // With the buffer that it has.
  }
  return socket;
}

/** The bare socket of {@link MulticastSockets.openAsking}. */
export async function bindAskingSocket({ address, port, ipTtl }: SocketPlace): Promise<Socket> {
  const socket = await bindSocket(address, port);
  try {
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(ipTtl);
  } catch (error) {
    await closeSocket(socket);
    throw error;
  }
  return socket;
}

/** This host's own. */
export const systemMulticastSockets: MulticastSockets = {
  openGroup: bindGroupSocket,
  async openAsking(place) {
    const socket = await bindAskingSocket(place);
    return createMulticastSocket(socket, () => socket.addMembership(MDNS_GROUP_IPV4, place.address));
  },
};
