// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:dgram';
import { errorMessage } from '@local-datastore/shared/errors';
import type { MulticastDNS } from 'multicast-dns';
import type { MdnsQuestion } from '../discovery/dns-message.ts';

/** A socket that sends to the group by one interface. */
export interface MulticastSocket {
  readonly socket: Socket;
  /** Joins the group on its interface. @returns the system's refusal; undefined: joined, now or before */
  join(): Promise<string | undefined>;
  /** Asks the group. @returns the system's refusal, or null */
  ask(questions: readonly MdnsQuestion[]): Promise<string | null>;
  /** What is still to be asked is given up. */
  close(): Promise<void>;
}

/** Where the sockets of multicast DNS come from. */
export interface MulticastSockets {
  /**
   * Opens the socket that hears the group on all interfaces on which a socket of this host joined it
   * (IP_MULTICAST_ALL). Bound to the group, it takes no unicast from other programs on the port.
   *
   * @throws the system's refusal of port 5353
   */
  openGroup(): Promise<Socket>;
  /**
   * Opens a socket on an interface's address that sends by that interface. It hears what is sent to that address,
   * and no multicast. What it joins is for the socket that hears the group: each joins for itself alone, as the
   * kernel allows one socket 20 groups (`net.ipv4.igmp_max_memberships`).
   *
   * @throws the system's refusal of the port, or of the interface
   */
  openAsking(place: SocketPlace): Promise<MulticastSocket>;
}

export interface SocketPlace {
  /** Of the interface. */
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Of what is multicast. */
  readonly ipTtl: number;
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
 * A socket that is bound to the address of an interface, and sends by it.
 *
 * @param join joins the group on the interface; @throws the system's refusal
 */
export function createMulticastSocket(socket: Socket, join: () => void | Promise<void>): MulticastSocket {
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
    async join() {
      if (isJoined) return undefined;
      try {
        await join();
        isJoined = true;
        return undefined;
      } catch (error) {
        return errorMessage(error);
      }
    },
  };
}
