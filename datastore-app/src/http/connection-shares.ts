import type { Socket } from 'node:net';
import { clientAddress, clientNetwork } from '@local-datastore/shared/net/client-address';

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
  readonly waiting: Map<string, CountedSocket>;
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
  const networkOf = (socket: CountedSocket) => clientNetwork(clientAddress(socket));

  return {
    open(socket) {
      const network = networkOf(socket);
      const connection = connectionOf(socket);
      const client = clients.get(network) ?? { open: 0, waiting: new Map() };
      clients.set(network, client);
      client.open += 1;
      client.waiting.set(connection, socket);
      socket.once('close', () => {
        client.open -= 1;
        client.waiting.delete(connection);
        if (client.open === 0 && clients.get(network) === client) clients.delete(network);
      });
      if (client.open <= maxOpen && client.waiting.size <= maxWaiting) return false;
      const [longest] = client.waiting;
      if (longest !== undefined) {
        client.waiting.delete(longest[0]);
        longest[1].destroy();
      }
      return true;
    },
    begin(socket) {
      clients.get(networkOf(socket))?.waiting.delete(connectionOf(socket));
    },
    end(socket) {
      clients.get(networkOf(socket))?.waiting.set(connectionOf(socket), socket);
    },
  };
}
