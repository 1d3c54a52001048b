// SPDX-License-Identifier: Apache-2.0
import { Socket as DatagramSocket } from 'node:dgram';
import type { Socket } from 'node:net';

/** What Node's sockets are made of. */
interface Handle {
  readonly fd: number;
}

/**
 * The descriptor of a socket of Node's, to be duplicated into another process or given a filter. It stays the socket's.
 *
 * Node 24.21 tells it nowhere but in what the socket is made of: `_handle` of a stream, and of a datagram socket the state
 * behind a symbol, as its `_handle` warns of being deprecated.
 *
 * @returns null: it is closed, or not open yet
 */
export function descriptorOf(socket: Socket | DatagramSocket): number | null {
  const handle =
    socket instanceof DatagramSocket
      ? stateOf(socket)?.handle
      : (socket as unknown as { readonly _handle?: Handle | null })._handle;
  return handle === undefined || handle === null || handle.fd < 0 ? null : handle.fd;
}

function stateOf(socket: DatagramSocket): { readonly handle?: Handle | null } | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find((each) => each.description === 'state symbol');
  const states = socket as unknown as Readonly<Record<symbol, { readonly handle?: Handle | null }>>;
  return symbol === undefined ? undefined : states[symbol];
}
