// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { ipVersion, ipWords } from '../../net/ip-address.ts';
import { SOCKET } from './kernel-constants.ts';
import { openLibc } from './libc.ts';
import { attachLockedFilter, bindToInterface } from './sockets.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
/** ipv6(7). */
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const WORD_BYTES = 4;
/** `struct sockaddr_in`: family, port, address, padding. */
const IPV4_NAME = { family: AF_INET, bytes: 16, addressOffset: 4 };
/** `struct sockaddr_in6`: family, port, flow, address, scope. */
const IPV6_NAME = { family: AF_INET6, bytes: 28, addressOffset: 8 };

/** Where a socket of UDP hears. */
export interface UdpPlace {
  /** Without a zone. `::` is every one of IPv6, and none of IPv4. Default: every one of IPv4. */
  readonly address?: string;
  /** 0: one that nobody can foresee. */
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
 * @throws SystemError `EAFNOSUPPORT`: the host has no IPv6; `EADDRINUSE`: another program has the port; `EADDRNOTAVAIL`: the host does not have the address;
 *   `ENODEV`: it has no such interface; `EACCES`: a port below 1024 without CAP_NET_BIND_SERVICE
 */
export function openUdpSocket(
  { address = '0.0.0.0', port, interfaceName }: UdpPlace,
  filter: Buffer,
): number {
  const libc = openLibc();
  const name = ipVersion(address) === 6 ? IPV6_NAME : IPV4_NAME;
  const fd = libc.socket(name.family, SOCK_DGRAM | SOCKET.CLOEXEC, 0);
  try {
    attachLockedFilter(fd, filter);
    if (interfaceName !== undefined) bindToInterface(fd, interfaceName);
    if (name === IPV6_NAME) {
      const on = Buffer.alloc(WORD_BYTES);
      on.writeInt32LE(1);
      libc.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, on, on.length);
    }
    const place = Buffer.alloc(name.bytes);
    place.writeUInt16LE(name.family, 0);
    place.writeUInt16BE(port, 2);
    for (const [index, word] of ipWords(address).entries()) {
      place.writeUInt32BE(word, name.addressOffset + WORD_BYTES * index);
    }
    libc.bind(fd, place, place.length);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
