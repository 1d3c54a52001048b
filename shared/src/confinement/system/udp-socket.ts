import { closeSync } from 'node:fs';
import { SOCKET } from './kernel-constants.ts';
import { openLibc } from './libc.ts';
import { attachLockedFilter, bindToInterface } from './sockets.ts';

const AF_INET = 2;
const SOCK_DGRAM = 2;
/** `struct sockaddr_in`: family, port, address, padding. */
const ADDRESS_BYTES = 16;
const ADDRESS_OFFSET = 4;

/** Where a socket of UDP hears. */
export interface UdpPlace {
  /** Of IPv4. Default: every one. */
  readonly address?: string;
  readonly port: number;
  /** Default: every one. */
  readonly interfaceName?: string;
}

/**
 * Opens a socket of UDP, with a filter that nobody can take off again, whoever gets the socket: nothing comes before it is
 * there. The filter holds for what is read alone.
 *
 * @param filter `struct sock_filter`s
 * @returns a descriptor, which the caller closes
 * @throws SystemError `EADDRINUSE`: another program has the port; `EADDRNOTAVAIL`: the host does not have the address;
 *   `ENODEV`: it has no such interface; `EACCES`: a port below 1024 without CAP_NET_BIND_SERVICE
 */
export function openUdpSocket(
  { address = '0.0.0.0', port, interfaceName }: UdpPlace,
  filter: Buffer,
): number {
  const libc = openLibc();
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCKET.CLOEXEC, 0);
  try {
    attachLockedFilter(fd, filter);
    if (interfaceName !== undefined) bindToInterface(fd, interfaceName);
    const place = Buffer.alloc(ADDRESS_BYTES);
    place.writeUInt16LE(AF_INET, 0);
    place.writeUInt16BE(port, 2);
    place.set(address.split('.').map(Number), ADDRESS_OFFSET);
    libc.bind(fd, place, place.length);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
