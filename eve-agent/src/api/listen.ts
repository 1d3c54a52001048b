import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import {
  CodedError,
  ConfigurationError,
  errorMessage,
  systemErrorCode,
} from '@local-datastore/shared/errors';
import type { TlsFiles } from './server-tls.ts';
import { describeLongSocketPath } from './socket-path.ts';
import { createMutualTlsServer, type TlsServerDeps } from './tls-server.ts';

/** Where the API can be reached. */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** This host does not have the address, or not yet: a bridge may get it later than the service starts. */
export class AddressError extends CodedError<'ADDRESS_UNAVAILABLE'> {}

const MAX_CONNECTIONS = 128;
const SOCKET_MODE = 0o660;

/** @throws ConfigurationError unless it is `unix:PATH` or `ADDRESS:PORT` */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:') && text.length > 5) return { kind: 'unix', path: text.slice(5) };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new ConfigurationError(`"${text}" is no place to listen: unix:PATH or ADDRESS:PORT expected`);
  }
  return { kind: 'tcp', host: match[1] ?? match[2] ?? '', port };
}

/** Whether some process answers on a socket. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function listenUnix(server: Server, path: string): Promise<void> {
  const tooLong = describeLongSocketPath(path);
  if (tooLong !== null) throw new ConfigurationError(tooLong);
  if (await isAnswered(path)) {
    throw new ConfigurationError(
      `another program answers on ${path}: stop it, or listen elsewhere with --listen`,
    );
  }
  // What a killed process left.
  rmSync(path, { force: true });
  // The socket is made before `listen` returns, and is nobody else's for no moment.
  const umask = process.umask(0o777 & ~SOCKET_MODE);
  try {
    server.listen({ path });
  } finally {
    process.umask(umask);
  }
  await once(server, 'listening');
  chmodSync(path, SOCKET_MODE);
}

/** A server that does not listen yet, and what else ends with it. */
function createServerFor(
  address: ListenAddress,
  listener: RequestListener,
  tls: TlsFiles,
  deps: TlsServerDeps,
) {
  if (address.kind === 'tcp') return createMutualTlsServer(listener, tls, deps);
  const server = createServer(listener);
  server.maxConnections = MAX_CONNECTIONS;
  return { server, close: () => {} };
}

/**
 * Offers the API at one place.
 *
 * @param tls for TCP; its files are watched
 * @returns its end
 * @throws ConfigurationError when the place cannot be had; AddressError when it may be had later
 */
export async function listen(
  address: ListenAddress,
  listener: RequestListener,
  tls: TlsFiles,
  deps: TlsServerDeps,
): Promise<() => Promise<void>> {
  const { server, close } = createServerFor(address, listener, tls, deps);
  try {
    if (address.kind === 'unix') await listenUnix(server, address.path);
    else {
      server.listen({ host: address.host, port: address.port });
      await once(server, 'listening');
    }
  } catch (error) {
    close();
    if (error instanceof ConfigurationError || systemErrorCode(error) === undefined) throw error;
    const place = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`;
    const message = `cannot listen on ${place}: ${errorMessage(error)}`;
    throw systemErrorCode(error) === 'EADDRNOTAVAIL'
      ? new AddressError('ADDRESS_UNAVAILABLE', message, { retryable: true, cause: error })
      : new ConfigurationError(message, { cause: error });
  }
  return async () => {
    server.close();
    close();
    server.closeAllConnections();
    await once(server, 'close');
  };
}
