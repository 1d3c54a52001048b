// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from 'node:net';
import type { ServerOptions } from '../settings/server-options.ts';

/** Where the datastore of this machine listens. */
export type Listener = { readonly address?: ServerOptions['address'] | undefined; readonly port: number };

/** Who listens on every address is asked on loopback. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Where a datastore with these settings is reached from its own machine. */
export function localUrl({ address = '0.0.0.0', port }: Listener): URL {
  const host = LOOPBACK_OF[address] ?? address;
  return new URL(`http://${isIPv6(host) ? `[${host}]` : host}:${port}`);
}
