// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '../errors.ts';

/** Where a container engine listens: a Unix socket, or plain HTTP. */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

export const DEFAULT_ENGINE_SOCKET = '/var/run/docker.sock';
/** Docker's own for plain HTTP. */
const TCP_PORT = 2375;
const HTTP_PORT = 80;

/**
 * Where an engine listens, as `DOCKER_HOST` says it; a path alone is a socket, as in ed-daemon's `docker_socket`.
 *
 * @param dockerHost absent or empty: the usual socket
 * @throws ConfigurationError for what is spoken otherwise than by plain HTTP
 */
export function parseEngineAddress(dockerHost: string | undefined): EngineAddress {
  if (!dockerHost) return { kind: 'unix', path: DEFAULT_ENGINE_SOCKET };
  if (dockerHost.startsWith('/')) return { kind: 'unix', path: dockerHost };
  const url = URL.parse(dockerHost);
  if (url?.protocol === 'unix:' && url.host === '' && url.pathname.length > 1) {
    return { kind: 'unix', path: decodeURIComponent(url.pathname) };
  }
  if ((url?.protocol === 'tcp:' || url?.protocol === 'http:') && url.hostname !== '') {
    const usual = url.protocol === 'http:' ? HTTP_PORT : TCP_PORT;
    return {
      kind: 'tcp',
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? usual : Number(url.port),
    };
  }
  throw new ConfigurationError(
    `"${dockerHost}" is no address of a Docker engine that is spoken to here: unix:///var/run/docker.sock or tcp://127.0.0.1:2375`,
  );
}

/** An address as messages name it. */
export function engineAddressText(address: EngineAddress): string {
  return address.kind === 'unix' ? address.path : `${address.host}:${address.port}`;
}
