// SPDX-License-Identifier: Apache-2.0
import { isIPv6, type Socket } from 'node:net';

/** Of IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2). */
const MAPPED_PREFIX = '::ffff:';
/** A host has all addresses of its /64 for itself, and takes as many as it likes (RFC 8981). */
const NETWORK_GROUPS = 4;
const ALL_GROUPS = 8;

/** Who a connection comes from: the remote address, an IPv4 one also where the socket speaks IPv6. */
export function clientAddress({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string {
  if (remoteAddress === undefined) return 'unknown';
  return remoteAddress.startsWith(MAPPED_PREFIX) ? remoteAddress.slice(MAPPED_PREFIX.length) : remoteAddress;
}

const networks = new WeakMap<object, string>();

/** {@link clientNetwork} of who a connection comes from, remembered with it: requests ask again and again. */
export function networkOfClient(socket: Pick<Socket, 'remoteAddress'>): string {
  const known = networks.get(socket);
  if (known !== undefined) return known;
  const network = clientNetwork(clientAddress(socket));
  // A connection that is closed has no address any more.
  if (socket.remoteAddress !== undefined) networks.set(socket, network);
  return network;
}

/**
 * What limits count as one client: an IPv4 address, or the /64 of an IPv6 address, such as `fd00:0:0:1::/64`.
 *
 * @param address from {@link clientAddress}
 */
export function clientNetwork(address: string): string {
  const plain = address.split('%', 1)[0] ?? '';
  if (!isIPv6(plain)) return address;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    // A dotted end stands for two groups; it is never within the first four.
    const after = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
    while (groups.length + after < ALL_GROUPS) groups.push('0');
    groups.push(...tail.split(':'));
  }
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
