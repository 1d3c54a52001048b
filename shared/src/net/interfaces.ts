// SPDX-License-Identifier: Apache-2.0
import { networkInterfaces } from 'node:os';

/** One IPv4 address of one network interface. */
export interface InterfaceAddress {
  /** The kernel's name, such as `bn1`. */
  readonly interfaceName: string;
  /** Dotted decimal. */
  readonly address: string;
  /** With the prefix length, such as `10.1.0.1/24`. */
  readonly cidr: string;
  /** Lower case, colons: `02:42:0a:01:00:05`. */
  readonly mac: string;
  readonly isLoopback: boolean;
}

/** The IPv4 addresses of all interfaces that are up, in the kernel's order. */
export function listIpv4Addresses(): InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([interfaceName, addresses = []]) =>
    addresses
      .filter(({ family, cidr }) => family === 'IPv4' && cidr !== null)
      .map(({ address, cidr, mac, internal }) => ({
        interfaceName,
        address,
        cidr: cidr as string,
        mac,
        isLoopback: internal,
      })),
  );
}
