// SPDX-License-Identifier: Apache-2.0
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '@local-datastore/shared/log';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import type { BoundPort } from './bound-port.ts';
import { type ConnectionShares, createConnectionShares, sharesOf } from './connection-shares.ts';
import { type ConnectionLimits, KEEP_ALIVE_TIMEOUT_MS, MAX_HEADER_BYTES, QUEUED_BYTES } from './limits.ts';
import { explainListenError } from './listen-error.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { createTlsServer } from './tls-server.ts';

export interface ListenOptions {
  /** Where to listen; undefined: on every address. */
  readonly address: string | undefined;
  /** 0: any free one. */
  readonly port: number;
  /** From bindPort, of the same address and port; taken over. */
  readonly bound?: BoundPort | undefined;
  /** Given: HTTPS. */
  readonly tls: TlsIdentity | undefined;
  readonly limits: ConnectionLimits;
}

export interface Listener {
  readonly port: number;
  /** HTTPS presents another certificate to new connections; those that are open go on. */
  replaceIdentity(identity: TlsIdentity): void;
  /** HTTPS asks new connections for a certificate, or no more. */
  askForCertificates(isAsked: boolean): void;
  /** Takes no new connection, and returns when all requests are answered, or cut at the limit. */
  drain(limitMs: number): Promise<void>;
}

/** How often connections are looked at whose time for the head of a request is over. */
const CHECK_INTERVAL_MS = 5_000;
/** Being full is told of at most this often. */
const FULL_LOG_INTERVAL_MS = 60_000;
/** While draining: how long a connection may stay open after its last answer. */
const DRAIN_CHECK_MS = 100;

/** Does something at most once in a while. */
function createSeldom(): (tell: () => void) => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return (tell) => {
    if (performance.now() - toldMs < FULL_LOG_INTERVAL_MS) return;
    toldMs = performance.now();
    tell();
  };
}

/** Tells of a client that has its share of connections. */
function createShareLog({ log }: { readonly log: Log }, maxConnections: number) {
  const seldom = createSeldom();
  return (socket: Socket) =>
    seldom(() =>
      log.warn(
        { client: clientAddress(socket), ...sharesOf(maxConnections) },
        'a connection was closed: its client has its share of --max-connections',
      ),
    );
}

/** Tells the shares which connections wait for a request. */
function countRequests(shares: ConnectionShares, handler: RequestListener): RequestListener {
  return (request, response) => {
    const { socket } = request;
    shares.begin(socket);
    response.on('close', () => {
      if (!socket.destroyed) shares.end(socket);
    });
    handler(request, response);
  };
}

/** Makes room where there is room to make: connections between two requests, which clients can open again. */
function createFullHandler({ log }: { readonly log: Log }, server: Server, maxConnections: number) {
  const seldom = createSeldom();
  return () => {
    server.closeIdleConnections();
    seldom(() => log.warn({ maxConnections }, 'a connection was refused: --max-connections are open'));
  };
}

/** @throws ConfigurationError when the port cannot be had or the certificate does not fit its key */
export async function listen(
  { log }: { readonly log: Log },
  handler: RequestListener,
  { address, port, bound, tls, limits }: ListenOptions,
): Promise<Listener> {
  const options: ServerOptions = {
    headersTimeout: limits.headerTimeoutMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    // A whole request may take long: it is idleness that ends it.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    highWaterMark: QUEUED_BYTES,
  };
  const shares = createConnectionShares(sharesOf(limits.maxConnections));
  const answer = countRequests(shares, oneAtATime(handler));
  const secured = tls && createTlsServer({ log }, options, tls, answer);
  const server: Server = secured?.server ?? createHttpServer(options, answer);
  // Whoever asks first is told before it sends: the handlers say when they want the body.
  server.on('checkContinue', answer);
  server.maxConnections = limits.maxConnections;
  server.on('drop', createFullHandler({ log }, server, limits.maxConnections));
  const tellOfShare = createShareLog({ log }, limits.maxConnections);
  server.on('connection', (socket: Socket) => {
    if (shares.open(socket)) tellOfShare(socket);
  });
  server.setTimeout(limits.idleTimeoutMs, (socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(explainListenError(error, port)));
    server.listen(bound ?? { port, ...(address !== undefined && { host: address }) }, resolve);
  });
  server.ref();
  return {
    port: (server.address() as AddressInfo).port,
    replaceIdentity: (identity) => secured?.replaceIdentity(identity),
    askForCertificates: (isAsked) => secured?.askForCertificates(isAsked),
    async drain(limitMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // Node closes those that are idle now, not those that become idle when their answer is complete.
      const check = setInterval(() => server.closeIdleConnections(), DRAIN_CHECK_MS);
      const limit = new AbortController();
      const cut = delay(limitMs, undefined, { signal: limit.signal }).then(
        () => server.closeAllConnections(),
        () => {},
      );
      await closed;
      clearInterval(check);
      limit.abort();
      await cut;
    },
  };
}
