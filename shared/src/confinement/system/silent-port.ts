import { closeSync } from 'node:fs';
import { SOCKET } from './kernel-constants.ts';
import { openLibc } from './libc.ts';
import { attachLockedFilter } from './sockets.ts';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SO_BINDTODEVICE = 25;
/** `struct sockaddr_in`: family, port, address, padding. */
const ADDRESS_BYTES = 16;

/**
 * Takes a UDP port on one interface so that the kernel does not answer for it with "port unreachable", while what comes
 * there is read elsewhere, by a packet socket.
 *
 * @param filter `struct sock_filter`s that let nothing in
 * @returns a descriptor, which the caller closes
 * @throws SystemError `EADDRINUSE`: another program has it; `EACCES`: without CAP_NET_BIND_SERVICE
 */
export function openSilentPort(interfaceName: string, port: number, filter: Buffer): number {
  const libc = openLibc();
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCKET.CLOEXEC, 0);
  try {
    attachLockedFilter(fd, filter);
    const name = Buffer.from(`${interfaceName}\0`, 'latin1');
    libc.setsockopt(fd, SOCKET.SOL_SOCKET, SO_BINDTODEVICE, name, name.length);
    const address = Buffer.alloc(ADDRESS_BYTES);
    address.writeUInt16LE(AF_INET, 0);
    address.writeUInt16BE(port, 2);
    libc.bind(fd, address, address.length);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
