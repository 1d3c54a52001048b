import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type IsOwnName, parseHost } from './request-origin.ts';

/** Where tokens are issued. */
export const TOKEN_PATH = '/-/token';

const isTls = (socket: IncomingMessage['socket']) => (socket as Partial<TLSSocket>).encrypted === true;

/**
 * The URL of the token service as the client of a request reaches it: by the scheme and the name that it asked for,
 * as the address of a datastore moves. A name that is none of ours could lead the client's credentials elsewhere:
 * then it is the address that the connection came to.
 */
export function realmOf(
  { headers: { host }, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  isOwnName: IsOwnName,
): string {
  const scheme = isTls(socket) ? 'https' : 'http';
  const asked = host === undefined ? undefined : parseHost(host);
  if (asked !== undefined && isOwnName(asked.name)) {
    return `${scheme}://${asked.name}${asked.port === undefined ? '' : `:${asked.port}`}${TOKEN_PATH}`;
  }
  const address = (socket.localAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
  return `${scheme}://${isIPv6(address) ? `[${address}]` : address}:${socket.localPort}${TOKEN_PATH}`;
}
