import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import {
  CodedError,
  ConfigurationError,
  errorMessage,
  systemErrorCode,
} from '@local-datastore/shared/errors';
import { describeLongSocketPath } from './socket-path.ts';

/** Where the API can be reached. */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** This host does not have the address, or not yet: a bridge may get it later than the service starts. */
export class AddressError extends CodedError<'ADDRESS_UNAVAILABLE'> {}

/** The files of mutual TLS; over TCP all of them are needed. */
export interface TlsFiles {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Whoever comes must have a certificate of this authority. */
  readonly clientCa: string | undefined;
}

const MAX_CONNECTIONS = 128;
const SOCKET_MODE = 0o660;
/** Who shows no certificate keeps none of the connections from those who have one; Node waits two minutes. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

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

function readTlsFile(option: string, file: string | undefined): Buffer {
  if (file === undefined) {
    throw new ConfigurationError(
      `listening on TCP needs --tls-certificate, --tls-key and --client-ca: ${option} is missing`,
    );
  }
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ConfigurationError(`${option} ${file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function createMutualTlsServer(listener: RequestListener, { certificate, key, clientCa }: TlsFiles) {
  const files = {
    cert: readTlsFile('--tls-certificate', certificate),
    key: readTlsFile('--tls-key', key),
    ca: readTlsFile('--client-ca', clientCa),
  };
  try {
    const options = { requestCert: true, rejectUnauthorized: true, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
    return createTlsServer({ ...files, ...options }, listener);
  } catch (error) {
    throw new ConfigurationError(
      `the certificate, key or client authority cannot be used: ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
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

/**
 * Offers the API at one place.
 *
 * @returns its end
 * @throws ConfigurationError when the place cannot be had; AddressError when it may be had later
 */
export async function listen(
  address: ListenAddress,
  listener: RequestListener,
  tls: TlsFiles,
): Promise<() => Promise<void>> {
  const server = address.kind === 'unix' ? createServer(listener) : createMutualTlsServer(listener, tls);
  server.maxConnections = MAX_CONNECTIONS;
  try {
    if (address.kind === 'unix') await listenUnix(server, address.path);
    else {
      server.listen({ host: address.host, port: address.port });
      await once(server, 'listening');
    }
  } catch (error) {
    if (error instanceof ConfigurationError || systemErrorCode(error) === undefined) throw error;
    const place = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`;
    const message = `cannot listen on ${place}: ${errorMessage(error)}`;
    throw systemErrorCode(error) === 'EADDRNOTAVAIL'
      ? new AddressError('ADDRESS_UNAVAILABLE', message, { retryable: true, cause: error })
      : new ConfigurationError(message, { cause: error });
  }
  return async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
}
