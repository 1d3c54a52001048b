// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import {
  CodedError,
  ConfigurationError,
  errorMessage,
  systemErrorCode,
} from '@local-datastore/shared/errors';
import { refuseForeignPages } from './refuse-foreign-pages.ts';
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
/** No longer than the usual name of the socket itself. */
const PRIVATE_FOLDER_PREFIX = '/.';
const PRIVATE_NAME = 's';

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

/**
 * Makes the socket in a folder that nobody else may enter, and gives it its name when its mode is right: it is
 * nobody else's for no moment, and the umask of the process stays what it is.
 *
 * @returns takes the name away again, where it still is that of this socket
 */
async function listenUnix(server: Server, path: string): Promise<() => void> {
  const folder = dirname(path) + PRIVATE_FOLDER_PREFIX;
  const tooLong =
    describeLongSocketPath(path) ?? describeLongSocketPath(join(`${folder}XXXXXX`, PRIVATE_NAME));
  if (tooLong !== null) throw new ConfigurationError(tooLong);
  if (await isAnswered(path)) {
    throw new ConfigurationError(
      `another program answers on ${path}: stop it, or listen elsewhere with --listen`,
    );
  }
  const place = mkdtempSync(folder);
  try {
    const made = join(place, PRIVATE_NAME);
    server.listen({ path: made });
    await once(server, 'listening');
    chmodSync(made, SOCKET_MODE);
    const { ino } = lstatSync(made);
    // In place of what a killed process left.
    renameSync(made, path);
    return () => {
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
    };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** A server that does not listen yet, and what else ends with it. */
async function createServerFor(
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

export interface ListenOptions {
  /** Whether what is sent there may take as long as it takes. */
  readonly takesImages?: boolean;
}

/**
 * Offers the API at one place, but not to web pages of others.
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
  { takesImages = false }: ListenOptions = {},
): Promise<() => Promise<void>> {
  const guarded = refuseForeignPages(listener, address.kind === 'unix');
  const { server, close } = await createServerFor(address, guarded, tls, deps);
  // Node's five minutes for a whole request are few for an image on a slow link; its reader has a limit of its own.
  if (takesImages) server.requestTimeout = 0;
  // Whoever asks first is told before it sends: the routes say when they want the body.
  server.on('checkContinue', guarded);
  let forgetName = () => {};
  try {
    if (address.kind === 'unix') forgetName = await listenUnix(server, address.path);
    else {
      server.listen({ host: address.host, port: address.port });
      await once(server, 'listening');
    }
  } catch (error) {
    close();
    server.close();
    if (error instanceof ConfigurationError || systemErrorCode(error) === undefined) throw error;
    const place = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`;
    const message = `cannot listen on ${place}: ${errorMessage(error)}`;
    throw systemErrorCode(error) === 'EADDRNOTAVAIL'
      ? new AddressError('ADDRESS_UNAVAILABLE', message, { retryable: true, cause: error })
      : new ConfigurationError(message, { cause: error });
  }
  return async () => {
    forgetName();
    server.close();
    close();
    server.closeAllConnections();
    await once(server, 'close');
  };
}
