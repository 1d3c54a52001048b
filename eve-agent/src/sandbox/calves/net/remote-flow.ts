// SPDX-License-Identifier: Apache-2.0
import { Socket, type SocketConstructorOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OpenFlow } from '../../../transfer/flow.ts';
import type { Asks } from '../../exchange/asks.ts';
import { flowGiftSchema, type NetAsk } from './net-messages.ts';

/** Flows over connections that priv has opened. */
export interface RemoteFlows {
  readonly openFlow: OpenFlow;
  /** The number by which priv takes a flow back; null: it is not one of those, or not to be given back. */
  numberOf(flow: Duplex): number | null;
}

export function createRemoteFlows(asks: Asks): RemoteFlows {
  const numbers = new WeakMap<Duplex, number>();
  return {
    numberOf: (flow) => numbers.get(flow) ?? null,
    async openFlow(place, { reader, signal }) {
      // What has a reader is plain HTTP: of TLS nothing can be read by anybody else.
      const ask: NetAsk = { kind: 'flow', ...place, isReturnable: reader !== undefined };
      const { value, handle, letGo } = await asks.hold(ask, signal);
      if (handle === null) throw new Error('priv gave no connection');
      const options = {
        handle,
        ...(reader !== undefined && {
          onread: { buffer: () => reader.buffer(), callback: reader.callback },
        }),
      };
      // Node's types have no handle.
      const socket = new Socket(options as SocketConstructorOpts);
      const { flow } = flowGiftSchema.parse(value);
      if (flow === null) letGo();
      else {
        numbers.set(socket, flow);
        socket.once('close', letGo);
      }
      return socket;
    },
  };
}
