// SPDX-License-Identifier: Apache-2.0
import type { Dispatcher } from 'undici';
import { type BodyRegion, BulkDispatcher } from './bulk-dispatcher.ts';
import type { OpenFlow } from './flow.ts';
import type { ConnectionOptions } from './open-connection.ts';
import { ProxyDispatcher } from './proxy-dispatcher.ts';

const CONNECT_TIMEOUT_MS = 10_000;

export interface WayOptions extends Omit<ConnectionOptions, 'openFlow' | 'connectTimeoutMs'> {
  /** For what has no address beforehand; absent: there is none. */
  readonly proxy?: URL | undefined;
  readonly bodyRegion: BodyRegion;
}

/** The way of one request to its datastore. */
export function createDispatcher(openFlow: OpenFlow, { proxy, ...way }: WayOptions): Dispatcher {
  const connectTimeoutMs = CONNECT_TIMEOUT_MS;
  if (proxy === undefined || way.address !== null) {
    return new BulkDispatcher({ ...way, openFlow, connectTimeoutMs });
  }
  return new ProxyDispatcher({ openFlow, proxy, ca: way.ca, connectTimeoutMs });
}
