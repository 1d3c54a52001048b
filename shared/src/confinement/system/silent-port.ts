// SPDX-License-Identifier: Apache-2.0
import { openUdpSocket } from './udp-socket.ts';

/**
 * Takes a UDP port on one interface so that the kernel does not answer for it with "port unreachable", while what comes
 * there is read elsewhere, by a packet socket.
 *
 * @param filter `struct sock_filter`s that let nothing in
 * @returns a descriptor, which the caller closes
 * @throws SystemError as {@link openUdpSocket}
 */
export const openSilentPort = (interfaceName: string, port: number, filter: Buffer): number =>
  openUdpSocket({ interfaceName, port }, filter);
