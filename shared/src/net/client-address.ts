import type { Socket } from 'node:net';

/** Who a connection comes from: the remote address, an IPv4 one also where the socket speaks IPv6. */
export function clientAddress({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string {
  return remoteAddress?.replace(/^::ffff:/, '') ?? 'unknown';
}
