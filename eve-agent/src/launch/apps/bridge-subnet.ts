// SPDX-License-Identifier: Apache-2.0
import { parseIpv4 } from '@local-datastore/shared/net/ip-address';

interface Subnet {
  readonly first: number;
  readonly size: number;
  readonly bits: number;
}

const textOf = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

function parseSubnet(cidr: string): Subnet | null {
  const [address = '', length = ''] = cidr.split('/');
  const number = parseIpv4(address);
  const bits = Number(length);
  if (number === null || !/^\d{1,2}$/.test(length) || bits > 32) return null;
  const size = 2 ** (32 - bits);
  return { first: Math.floor(number / size) * size, size, bits };
}

/** `10.1.0.1/24` → `10.1.0.0/24`. @throws RangeError */
export function subnetOf(cidr: string): string {
  const subnet = parseSubnet(cidr);
  if (subnet === null) throw new RangeError(`${cidr} is no subnet`);
  return `${textOf(subnet.first)}/${subnet.bits}`;
}

/**
 * The second half of a subnet, out of which an engine gives addresses: an engine asks nobody who is on the bridge, and
 * those that have addresses of their own mostly have them at its beginning.
 *
 * @returns null: the subnet is too small for halves
 */
export function upperHalfOf(cidr: string): string | null {
  const subnet = parseSubnet(cidr);
  if (subnet === null || subnet.size < 8) return null;
  return `${textOf(subnet.first + subnet.size / 2)}/${subnet.bits + 1}`;
}

/** Whether two subnets have an address in common; false for what is none of IPv4. */
export function overlaps(one: string, other: string): boolean {
  const [a, b] = [parseSubnet(one), parseSubnet(other)];
  return a !== null && b !== null && a.first < b.first + b.size && b.first < a.first + a.size;
}

/**
 * Addresses of a bridge's subnet from its end downwards: an engine gives addresses from the beginning on.
 *
 * @param cidr of the bridge; its own address is none of them @param taken which none of them is
 */
export function* lastAddresses(cidr: string, taken: ReadonlySet<string>): Generator<string> {
  const subnet = parseSubnet(cidr);
  if (subnet === null) return;
  const { first, size } = subnet;
  const [own] = cidr.split('/');
  for (let address = first + size - 2; address > first; address -= 1) {
    const text = textOf(address);
    if (text !== own && !taken.has(text)) yield text;
  }
}
