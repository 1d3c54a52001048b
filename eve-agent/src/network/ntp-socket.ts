// SPDX-License-Identifier: Apache-2.0
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { ntpFilter } from '@local-datastore/shared/confinement/filters/ntp-filter';
import { openUdpSocket } from '@local-datastore/shared/confinement/system/udp-socket';
import { ipVersion } from '@local-datastore/shared/net/ip-address';

/**
 * A socket for the answers of one server, on a port that nobody can foresee (RFC 9109). What comes from another address
 * or port, or is no answer, never comes to it, whoever gets it: by a filter, as Node lets no process send by a connected
 * socket that it was handed.
 *
 * @param address of the server; with a zone, as `fe80::1%eth0`, only that interface is spoken on
 * @returns a descriptor, which the caller closes
 * @throws RangeError it is no address; SystemError `ENODEV`: there is no such interface; `EAFNOSUPPORT`: no IPv6 on this
 *   host
 */
export function openNtpSocket(address: string, port: number): number {
  const filter = encodeProgram(ntpFilter(address, port));
  const [, interfaceName] = address.split('%');
  return openUdpSocket(
    {
      address: ipVersion(address) === 6 ? '::' : '0.0.0.0',
      port: 0,
      ...(interfaceName !== undefined && { interfaceName }),
    },
    filter,
  );
}
