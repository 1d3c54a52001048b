// SPDX-License-Identifier: Apache-2.0
import { Socket } from 'node:dgram';
import { createMulticastSocket, type MulticastSockets } from '../../../network/multicast-socket.ts';
import type { Asks } from '../../exchange/asks.ts';
import type { NetAsk } from './net-messages.ts';

/** Sockets that priv has opened, bound and filtered. */
export function createRemoteSockets(asks: Asks): MulticastSockets {
  async function open(ask: NetAsk): Promise<Socket> {
    const { handle } = await asks.ask(ask);
    if (!(handle instanceof Socket)) throw new Error('priv gave no socket');
    // At no time may a failure of a socket be nobody's: it would end the process.
    handle.on('error', () => {});
    return handle;
  }
  return {
    openGroup: () => open({ kind: 'group-socket' }),
    async openAsking({ address, port }) {
      const socket = await open({ kind: 'asking-socket', address, isOwnPort: port === 0 });
      const join: NetAsk = { kind: 'join', address };
      return createMulticastSocket(socket, async () => void (await asks.ask(join)));
    },
  };
}
