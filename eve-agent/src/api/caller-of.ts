// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import type { Caller } from '../launch/deployments/caller.ts';
import { clientIdentityOf } from './client-identity.ts';
import { HttpError } from './http-error.ts';

/** A certificate is read once a connection. */
const callers = new WeakMap<Socket, Caller>();

/**
 * Who asks: by a certificate that was verified in the handshake, or by a Unix socket.
 *
 * @throws HttpError 403 where a certificate names its owner in a way that cannot be read
 */
export function callerOf({ socket }: IncomingMessage): Caller {
  const known = callers.get(socket);
  if (known !== undefined) return known;
  const caller = readCaller(socket);
  callers.set(socket, caller);
  return caller;
}

function readCaller(socket: Socket): Caller {
  if (!(socket instanceof TLSSocket)) return { kind: 'local', from: 'unix socket' };
  const certificate = socket.getPeerX509Certificate();
  try {
    if (certificate === undefined) throw new RangeError('there is none');
    const identity = clientIdentityOf(certificate);
    return { kind: 'certificate', identity, from: clientAddress(socket) };
  } catch (error) {
    if (error instanceof RangeError) throw new HttpError(403, 'The certificate cannot be read.');
    throw error;
  }
}
