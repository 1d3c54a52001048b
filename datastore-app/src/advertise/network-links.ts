// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { type InterfaceAddress, listIpv4Addresses } from '@local-datastore/shared/net/interfaces';
import { addressOf, preferredOrder } from './cidr.ts';

/** A network interface that is up and has an IPv4 address, as far as advertising is concerned. */
export interface NetworkLink {
  /** The kernel's name, such as `eth0`. */
  readonly name: string;
  /** The one it is called by: its first, or the first that is not link-local. Dotted decimal. */
  readonly address: string;
  /** All its IPv4 addresses with prefix length, in the kernel's order. */
  readonly cidrs: readonly string[];
  /** Lower case, colons. */
  readonly mac: string;
  readonly isLoopback: boolean;
  /** The kernel's number, which is new when an interface is removed and added again; where it can be read. */
  readonly index: number | undefined;
}

/**
 * Reads the interface numbers of `/proc/net/igmp`, which, unlike sysfs, always speaks of the reader's own
 * network namespace.
 *
 * @returns name → number; lines of another form are passed over
 */
export function parseInterfaceIndexes(igmp: string): Map<string, number> {
  const indexes = new Map<string, number>();
  for (const line of igmp.split('\n')) {
    const [, index, name] = /^(\d+)\s+(\S+)\s*:/.exec(line) ?? [];
    if (index !== undefined && name !== undefined) indexes.set(name, Number(index));
  }
  return indexes;
}

function readInterfaceIndexes(): Map<string, number> {
  try {
    return parseInterfaceIndexes(readFileSync('/proc/net/igmp', 'latin1'));
  } catch {
    // A sandbox may hide it. Then only a removal that outlasts one look is noticed.
    return new Map();
  }
}

/**
 * The interfaces that are up and have an IPv4 address, in the kernel's order.
 *
 * @param addresses those of all interfaces
 */
export function listNetworkLinks(
  addresses: readonly InterfaceAddress[] = listIpv4Addresses(),
): NetworkLink[] {
  const links = new Map<string, NetworkLink>();
  const indexes = readInterfaceIndexes();
  for (const { interfaceName: name, cidr, mac, isLoopback } of addresses) {
    const cidrs = [...(links.get(name)?.cidrs ?? []), cidr];
    const address = addressOf(preferredOrder(cidrs)[0] ?? cidr);
    links.set(name, { name, address, cidrs, mac, isLoopback, index: indexes.get(name) });
  }
  return [...links.values()];
}
