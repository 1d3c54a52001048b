import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { once } from 'node:events';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { MulticastDNS } from 'multicast-dns';
import type { MdnsQuestion } from '../discovery/dns-message.ts';

/** A socket that sends to the group by one interface. */
export interface MulticastSocket {
  readonly socket: Socket;
  /** Joins the group on its interface. @returns the system's refusal; undefined: joined, now or before */
  join(): string | undefined;
  /** Asks the group. @returns the system's refusal, or null */
  ask(questions: readonly MdnsQuestion[]): Promise<string | null>;
  /** What is still to be asked is given up. */
  close(): Promise<void>;
}

export interface SocketPlace {
  /** Of the interface. */
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Of what is multicast. */
  readonly ipTtl: number;
}

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

/** Closes a socket, whether it was bound or not. */
export function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(resolve);
    } catch {
      // It was closed before.
      resolve();
    }
  });
}

/**
 * Opens the socket that hears the group on all interfaces on which a socket of this host joined it
 * (IP_MULTICAST_ALL). Bound to the group, it takes no unicast from other programs on the port.
 *
 * @throws the system's refusal of port 5353
 */
export async function openGroupSocket(): Promise<Socket> {
  const socket = await bindSocket(MDNS_GROUP_IPV4, MDNS_PORT);
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // With the buffer that it has.
  }
  return socket;
}

/**
 * Gives a socket to multicast-dns, which most commands end without: they are answered before they ask by it.
 *
 * multicast-dns 7.2.5 takes a socket that is bound, and leaves binding and joining to who hands it in. What comes is
 * not for its decoder, which drops a message whole for one bad record.
 */
async function createAsker(socket: Socket): Promise<MulticastDNS> {
  const { default: createMulticastDns } = await import('multicast-dns');
  const listeners = socket.listeners('message');
  const mdns = createMulticastDns({ socket, bind: false, multicast: false });
  for (const listener of socket.listeners('message') as (() => void)[]) {
    if (!listeners.includes(listener)) socket.off('message', listener);
  }
  for (const event of ['error', 'warning'] as const) mdns.on(event, () => {});
  return mdns;
}

/**
 * Opens a socket on an interface's address that sends by that interface. It hears what is sent to that address,
 * and no multicast. What it joins is for the socket that hears the group: each joins for itself alone, as the
 * kernel allows one socket 20 groups (`net.ipv4.igmp_max_memberships`).
 *
 * @throws the system's refusal of the port, or of the interface
 */
export async function openAskingSocket({ address, port, ipTtl }: SocketPlace): Promise<MulticastSocket> {
  const socket = await bindSocket(address, port);
  try {
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(ipTtl);
  } catch (error) {
    await closeSocket(socket);
    throw error;
  }
  let asker: Promise<MulticastDNS> | undefined;
  let isClosed = false;
  let isJoined = false;
  return {
    socket,
    async ask(questions) {
      if (isClosed) return null;
      asker ??= createAsker(socket);
      const mdns = await asker;
      return await new Promise((resolve) => {
        try {
          mdns.query({ questions: [...questions] }, (error) => resolve(error ? errorMessage(error) : null));
        } catch (error) {
          resolve(errorMessage(error));
        }
      });
    },
    async close() {
      isClosed = true;
      const mdns = await asker;
      if (mdns === undefined) return await closeSocket(socket);
      return await new Promise((resolve) => {
        try {
          // It sends a moment after it was asked to, and must know by then that the socket is closed.
          mdns.destroy(resolve);
        } catch {
          resolve();
        }
      });
    },
    join() {
      if (isJoined) return undefined;
      try {
        socket.addMembership(MDNS_GROUP_IPV4, address);
        isJoined = true;
        return undefined;
      } catch (error) {
        return errorMessage(error);
      }
    },
  };
}
