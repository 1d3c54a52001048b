import type { Socket } from 'node:net';

/** Of IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2). */
const MAPPED_PREFIX = '::ffff:';

/** Who a connection comes from: the remote address, an IPv4 one also where the socket speaks IPv6. */
export function clientAddress({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string {
  if (remoteAddress === undefined) return 'unknown';
  return remoteAddress.startsWith(MAPPED_PREFIX) ? remoteAddress.slice(MAPPED_PREFIX.length) : remoteAddress;
}
