// SPDX-License-Identifier: Apache-2.0
import { type LookupAddress, lookup } from 'node:dns';
import { connect, type LookupFunction, type Socket } from 'node:net';
import { type FlowOptions, type FlowPlace, InternalAddressError, type OpenFlow } from '../transfer/flow.ts';
import { isInternalHost } from '../transfer/internal-address.ts';

/** Ordinary resolution that leaves out what a redirect may not lead to. */
const lookupOutside: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    const outside = addresses?.filter(({ address }) => !isInternalHost(address)) ?? [];
    const [first] = outside;
    if (error !== null) done(error, '');
    else if (first === undefined) done(new InternalAddressError(host), '');
    else if (options.all === true) done(null, outside as LookupAddress[]);
    else done(null, first.address, first.family);
  });
};

/** @param prepare is called before anything is read */
function connectTo(
  place: FlowPlace,
  { reader, signal }: FlowOptions,
  prepare: (socket: Socket) => void = () => {},
): Promise<Socket> {
  const { host, port, localAddress, refusesInternal } = place;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    // An address is not looked up.
    if (refusesInternal && isInternalHost(host)) {
      reject(new InternalAddressError(host));
      return;
    }
    const socket = connect({
      ...{ host, port, noDelay: true },
      ...(reader !== undefined && { onread: { buffer: () => reader.buffer(), callback: reader.callback } }),
      ...(refusesInternal && { lookup: lookupOutside }),
      ...(localAddress !== null && { localAddress }),
    });
    prepare(socket);
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('connect', onConnect);
      socket.off('error', fail);
      socket.off('close', onClose);
    };
    const fail = (error: unknown) => {
      settle();
      // Whatever follows concerns nobody.
      socket.on('error', () => {}).destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const onClose = () => fail(new Error('the connection was closed'));
    const onConnect = () => {
      settle();
      resolve(socket);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', onConnect).once('error', fail).once('close', onClose);
  });
}

/** Flows over this host's own sockets. */
export const openFlow: OpenFlow = (place, options) => connectTo(place, options);

/**
 * A connection of which nothing is read until it is resumed: it is for another process.
 *
 * @throws as a flow
 */
export const openUnreadConnection = (place: FlowPlace, options: FlowOptions): Promise<Socket> =>
  connectTo(place, options, (socket) => socket.pause());
