// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { networkOfClient } from '@local-datastore/shared/net/client-address';

/** What is used of a connection; over TLS the same one is seen as two sockets. */
export type CountedSocket = Pick<Socket, 'remoteAddress' | 'remotePort' | 'destroy' | 'once'>;

/** Keeps one client from having all connections. */
export interface ConnectionShares {
  /**
   * A connection was opened. Where its client has more than its share, one that waits for a request is closed,
   * the one that has waited longest; this one itself where no other does.
   *
   * @returns whether one was closed
   */
  open(socket: CountedSocket): boolean;
  /** The head of a request is complete. */
  begin(socket: CountedSocket): void;
  /** Its answer has ended: the connection waits for the next one. */
  end(socket: CountedSocket): void;
}

export interface ConnectionShareLimits {
  /** Connections of one client. */
  readonly maxOpen: number;
  /** Those of them on which a head of a request has not come yet, or not all of it. */
  readonly maxWaiting: number;
}

interface Client {
  open: number;
  /** In the order in which they began to wait. */
  readonly waiting: Set<CountedSocket>;
}

/** A connection that is counted. */
interface Counted {
  readonly client: Client;
  /** The one that was opened. */
  readonly socket: CountedSocket;
}

/** So many may be about to send a request. */
const LEAST_WAITING = 16;

/** A quarter of all, of which a quarter may wait: three others still have as much, and a proxy has enough. */
export function sharesOf(maxConnections: number): ConnectionShareLimits {
  const maxOpen = Math.max(1, Math.floor(maxConnections / 4));
  return { maxOpen, maxWaiting: Math.min(maxOpen, Math.max(LEAST_WAITING, Math.floor(maxConnections / 16))) };
}

const connectionOf = ({ remoteAddress, remotePort }: CountedSocket) => `${remoteAddress} ${remotePort}`;

export function createConnectionShares({ maxOpen, maxWaiting }: ConnectionShareLimits): ConnectionShares {
  const clients = new Map<string, Client>();
  const byAddress = new Map<string, Counted>();
  /** What was found once need not be looked for at every request. */
  const bySocket = new WeakMap<CountedSocket, Counted>();

  function find(socket: CountedSocket): Counted | undefined {
    const known = bySocket.get(socket);
    if (known !== undefined) return known;
    const counted = byAddress.get(connectionOf(socket));
    if (counted !== undefined) bySocket.set(socket, counted);
    return counted;
  }

  return {
    open(socket) {
      const network = networkOfClient(socket);
      const connection = connectionOf(socket);
      const client = clients.get(network) ?? { open: 0, waiting: new Set() };
      clients.set(network, client);
      client.open += 1;
      client.waiting.add(socket);
      const counted = { client, socket };
      byAddress.set(connection, counted);
      socket.once('close', () => {
        client.open -= 1;
        client.waiting.delete(socket);
        if (byAddress.get(connection) === counted) byAddress.delete(connection);
        if (client.open === 0 && clients.get(network) === client) clients.delete(network);
      });
      if (client.open <= maxOpen && client.waiting.size <= maxWaiting) return false;
      const [longest] = client.waiting;
      if (longest !== undefined) {
        client.waiting.delete(longest);
        longest.destroy();
      }
      return true;
    },
    begin(socket) {
      const counted = find(socket);
      counted?.client.waiting.delete(counted.socket);
    },
    end(socket) {
      const counted = find(socket);
      counted?.client.waiting.add(counted.socket);
    },
  };
}
