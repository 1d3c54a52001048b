// SPDX-License-Identifier: Apache-2.0
/**
 * IP addresses as text and as numbers. Node has the same in `node:net`, which whoever must not open a socket does not
 * import.
 */

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const GROUP = /^[0-9a-f]{1,4}$/i;
/** Of a link-local address (RFC 4007 §11). */
const ZONE = /%[0-9a-z.:-]+$/i;
const IPV4_BITS = 32;
const IPV6_BITS = 128;
const GROUPS = 8;
/** `::ffff:0:0/96`, of IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2), without its last 32 bits. */
const MAPPED = 0xffffn;

/** An IPv4 address as a number of 32 bits. @returns null for anything but dotted decimal */
export function parseIpv4(text: string): number | null {
  if (!IPV4.test(text)) return null;
  return text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/** The groups of one side of `::`; the last may be an IPv4 address, where two groups are made of it. Null: none. */
function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const ipv4 = mayEndInIpv4 ? parseIpv4(parts.at(-1) ?? '') : null;
  if (ipv4 !== null) parts.pop();
  if (!parts.every((part) => GROUP.test(part))) return null;
  const groups = parts.map((part) => Number.parseInt(part, 16));
  return ipv4 === null ? groups : [...groups, Math.floor(ipv4 / 65536), ipv4 % 65536];
}

/** @returns the address without its zone as a number of 128 bits; null: it is none */
function parseIpv6(text: string): bigint | null {
  const [head = '', tail, ...more] = text.replace(ZONE, '').split('::');
  if (more.length > 0) return null;
  const front = parseGroups(head, tail === undefined);
  const back = tail === undefined ? [] : parseGroups(tail, true);
  if (front === null || back === null) return null;
  const missing = GROUPS - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...front, ...new Array<number>(missing).fill(0), ...back];
  return groups.reduce((sum, group) => sum * 65536n + BigInt(group), 0n);
}

/** What a text is: an IPv4 address, an IPv6 address (a zone may stand behind it), or neither. */
export function ipVersion(text: string): 4 | 6 | 0 {
  if (parseIpv4(text) !== null) return 4;
  return parseIpv6(text) === null ? 0 : 6;
}

/**
 * An address as numbers of 32 bits, the first ones first; its zone is no part of it.
 *
 * @returns one of IPv4, four of IPv6; none: it is no address
 */
export function ipWords(text: string): readonly number[] {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== null) return [ipv4];
  const ipv6 = parseIpv6(text);
  if (ipv6 === null) return [];
  return [96n, 64n, 32n, 0n].map((shift) => Number((ipv6 >> shift) & 0xffffffffn));
}

/** @throws RangeError */
function requirePrefix(prefix: number, bits: number, cidr: string): void {
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) throw new RangeError(`${cidr} is no subnet`);
}

/**
 * A test for membership in an IPv4 subnet.
 *
 * @param cidr an address with a prefix length; its host bits do not matter
 * @returns a function that is false for anything that is not an IPv4 address
 * @throws RangeError when it is no IPv4 subnet
 */
export function createSubnetTest(cidr: string): (address: string) => boolean {
  const [text = '', prefixText = ''] = cidr.split('/');
  const network = parseIpv4(text);
  const prefix = Number(prefixText);
  if (network === null || prefixText === '') throw new RangeError(`${cidr} is no IPv4 subnet`);
  requirePrefix(prefix, IPV4_BITS, cidr);
  const hostSize = 2 ** (IPV4_BITS - prefix);
  const networkPart = Math.floor(network / hostSize);
  return (text) => {
    const address = parseIpv4(text);
    return address !== null && Math.floor(address / hostSize) === networkPart;
  };
}

/**
 * A test for membership in any of several subnets of either version. An IPv4 address within IPv6
 * (`::ffff:127.0.0.1`) counts as that IPv4 address, and an IPv6 subnet holds none of them.
 *
 * @param cidrs such as `127.0.0.0/8` and `fe80::/10`
 * @returns a function that is false for anything that is no address
 * @throws RangeError when one of them is no subnet
 */
export function createAddressTest(cidrs: readonly string[]): (address: string) => boolean {
  const ipv4 = cidrs.filter((cidr) => !cidr.includes(':')).map(createSubnetTest);
  const ipv6 = cidrs
    .filter((cidr) => cidr.includes(':'))
    .map((cidr) => {
      const [text = '', prefix = ''] = cidr.split('/');
      const network = parseIpv6(text);
      if (network === null || prefix === '') throw new RangeError(`${cidr} is no IPv6 subnet`);
      requirePrefix(Number(prefix), IPV6_BITS, cidr);
      const hostBits = BigInt(IPV6_BITS - Number(prefix));
      return { networkPart: network >> hostBits, hostBits };
    });
  return (text) => {
    const address = parseIpv6(text);
    if (address === null) return ipv4.some((isInside) => isInside(text));
    if (address >> 32n === MAPPED) {
      const octets = [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn);
      return ipv4.some((isInside) => isInside(octets.join('.')));
    }
    return ipv6.some(({ networkPart, hostBits }) => address >> hostBits === networkPart);
  };
}
