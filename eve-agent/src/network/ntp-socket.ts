import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { ntpFilter } from '@local-datastore/shared/confinement/filters/ntp-filter';
import { descriptorOf } from '@local-datastore/shared/confinement/system/descriptor-of';
import { attachLockedFilter, bindToInterface } from '@local-datastore/shared/confinement/system/sockets';
import { ipVersion } from '@local-datastore/shared/net/ip-address';

/** `fe80::1%eth0`: the interface. */
const zoneOf = (address: string): string | null => address.split('%')[1] ?? null;

/**
 * A socket for the answers of one server, on a port that nobody can foresee (RFC 9109). What comes from another address
 * or port, or is no answer, never comes to it, whoever gets it: by a filter, as Node lets no process send by a connected
 * socket that it was handed.
 *
 * @throws Error there is no such interface, or no IPv6 on this host
 */
export async function openNtpSocket(address: string, port: number): Promise<Socket> {
  const isIpv6 = ipVersion(address) === 6;
  const socket = isIpv6 ? createSocket({ type: 'udp6', ipv6Only: true }) : createSocket('udp4');
  try {
    socket.bind();
    await once(socket, 'listening');
    const fd = descriptorOf(socket);
    if (fd === null) throw new Error('the socket was closed');
    attachLockedFilter(fd, encodeProgram(ntpFilter(address, port)));
    const zone = zoneOf(address);
    if (zone !== null) bindToInterface(fd, zone);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
