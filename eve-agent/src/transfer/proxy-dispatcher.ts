// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { type buildConnector, Client, Dispatcher, ProxyAgent } from 'undici';
import type { OpenFlow } from './flow.ts';
import { openConnection } from './open-connection.ts';
import { MAX_HEAD_BYTES } from './response-head.ts';

export interface ProxyDispatcherOptions {
  readonly openFlow: OpenFlow;
  readonly proxy: URL;
  /** PEM that replaces the system's roots for the datastore; the proxy is no part of that. */
  readonly ca: string | null;
  readonly connectTimeoutMs: number;
}

/** The way to a datastore through an HTTP proxy: asked for plain URLs, tunnelled through for https. */
export class ProxyDispatcher extends Dispatcher {
  readonly #agent: ProxyAgent;
  readonly #opening = new AbortController();

  constructor({ openFlow, proxy, ca, connectTimeoutMs }: ProxyDispatcherOptions) {
    super();
    const way = { openFlow, url: proxy, address: null, localAddress: null, ca: null, connectTimeoutMs };
    /** In place of undici's own, which opens sockets. */
    const connect: buildConnector.connector = (_, done) => {
      openConnection(way, undefined, this.#opening.signal).then(
        // A Duplex, of which undici uses nothing that only a Socket has.
        (connection) => done(null, connection as Socket),
        (error: Error) => done(error, null),
      );
    };
    this.#agent = new ProxyAgent({
      uri: proxy.href,
      proxyTunnel: false,
      // Who waits for how long is the receiver's decision.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEAD_BYTES,
      clientFactory: (origin, options) => new Client(origin, { ...options, connect }),
      // undici 8.12.4 asks for the proxy by its whole URL, and for what lies behind a tunnel, with a way of its own
      // through it, by the origin.
      factory: (origin, options) =>
        new Client(origin, { ...options, ...(String(origin) === proxy.href && { connect }) }),
      ...(ca !== null && { requestTls: { ca, allowPartialTrustChain: true } }),
    });
  }

  override dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#agent.dispatch(request, handler);
  }

  override async close(): Promise<void> {
    await this.#agent.close();
  }

  override async destroy(): Promise<void> {
    this.#opening.abort();
    await this.#agent.destroy();
  }
}
