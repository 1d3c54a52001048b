import { Socket, type SocketConstructorOpts } from 'node:net';
import type { OpenFlow } from '../../../transfer/flow.ts';
import type { Asks } from '../../exchange/asks.ts';
import type { NetAsk } from './net-messages.ts';

/** Flows over connections that priv has opened. */
export function createRemoteOpenFlow(asks: Asks): OpenFlow {
  return async (place, { reader, signal }) => {
    const ask: NetAsk = { kind: 'flow', ...place };
    const { handle } = await asks.ask(ask, signal);
    if (handle === null) throw new Error('priv gave no connection');
    const options = {
      handle,
      ...(reader !== undefined && { onread: { buffer: () => reader.buffer(), callback: reader.callback } }),
    };
    // Node's types have no handle.
    return new Socket(options as SocketConstructorOpts);
  };
}
