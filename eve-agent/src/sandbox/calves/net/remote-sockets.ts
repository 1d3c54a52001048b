// SPDX-License-Identifier: Apache-2.0
import { Socket } from 'node:dgram';
import { MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
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
      const join = async () => void (await asks.ask({ kind: 'join', address } satisfies NetAsk));
      // It is priv that joins, by a socket of its own: that need not wait for this one. From any other port nobody joins.
      let early = port === MDNS_PORT ? join() : undefined;
      early?.catch(() => {});
      const socket = await open({ kind: 'asking-socket', address, isOwnPort: port === 0 });
      return createMulticastSocket(socket, () => {
        const first = early;
        early = undefined;
        return first ?? join();
      });
    },
  };
}
