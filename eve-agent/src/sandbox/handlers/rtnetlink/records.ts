// SPDX-License-Identifier: Apache-2.0
/** Links, IPv4 addresses and routes as rtnetlink(7) has them. */
import { parseIpv4 } from '@local-datastore/shared/net/ip-address';
import { decodeAttributes, encodeAttribute, type NetlinkMessage, RtnetlinkError, uint32 } from './wire.ts';

export const AF_INET = 2;
const LINK_BYTES = 16;
const ADDRESS_BYTES = 8;
const ROUTE_BYTES = 12;
const IFLA = { address: 1, name: 3, mtu: 4, maxMtu: 51 } as const;
const IFA = { address: 1, local: 2, broadcast: 4, cacheInfo: 6 } as const;
const RTA = {
  destination: 1,
  outInterface: 4,
  gateway: 5,
  priority: 6,
  preferredSource: 7,
  table: 15,
} as const;
const IFF_UP = 1;
const IFF_LOWER_UP = 0x10000;
const RT_TABLE_MAIN = 254;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;
/** The gateway is on the link, whatever subnet it is in. */
const RTNH_F_ONLINK = 4;
/** Of a lifetime: for ever. */
const INFINITE = 0xffffffff;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Lower case with colons; empty for a link without. */
  readonly mac: string;
  readonly mtu: number;
  /** What its driver can take at most; null: it does not say. */
  readonly maxMtu: number | null;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
}

export interface LinkAddress {
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
  /** Seconds that the kernel keeps it; null: for ever. */
  readonly validSeconds: number | null;
}

/** A unicast route of the main table. */
export interface Route {
  readonly index: number;
  /** With the prefix length; `0.0.0.0/0`: to everywhere. */
  readonly destination: string;
  /** null: the destination is on the link. */
  readonly gateway: string | null;
  /** Less is preferred. */
  readonly metric: number;
  /** Who set it (`/etc/iproute2/rt_protos`). */
  readonly protocol: number;
}

function ipv4Bytes(address: string): Buffer {
  const number = parseIpv4(address);
  if (number === null) throw new RangeError(`${address} is no IPv4 address`);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

function ipv4Of(value: Buffer | undefined): string | null {
  return value?.length === 4 ? value.join('.') : null;
}

function numberOf(value: Buffer | undefined): number | null {
  return value?.length === 4 ? value.readUInt32LE(0) : null;
}

function attributesOf({ body }: NetlinkMessage, fixedBytes: number): Map<number, Buffer> {
  if (body.length < fixedBytes) throw new RtnetlinkError('RTNETLINK_MALFORMED', 'a record that is cut short');
  return decodeAttributes(body, fixedBytes);
}

export function decodeLink(message: NetlinkMessage): Link {
  const attributes = attributesOf(message, LINK_BYTES);
  const flags = message.body.readUInt32LE(8);
  const maxMtu = numberOf(attributes.get(IFLA.maxMtu));
  return {
    index: message.body.readInt32LE(4),
    name: (attributes.get(IFLA.name) ?? Buffer.alloc(0)).toString('latin1').replace(/\0.*$/s, ''),
    mac: [...(attributes.get(IFLA.address) ?? [])]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join(':'),
    mtu: numberOf(attributes.get(IFLA.mtu)) ?? 0,
    maxMtu: maxMtu === 0 ? null : maxMtu,
    isUp: (flags & IFF_UP) !== 0,
    hasCarrier: (flags & IFF_LOWER_UP) !== 0,
  };
}

/** @returns null for what is no IPv4 address */
export function decodeAddress(message: NetlinkMessage): LinkAddress | null {
  const attributes = attributesOf(message, ADDRESS_BYTES);
  const address = ipv4Of(attributes.get(IFA.local) ?? attributes.get(IFA.address));
  if (message.body[0] !== AF_INET || address === null) return null;
  const cacheInfo = attributes.get(IFA.cacheInfo);
  const valid = cacheInfo !== undefined && cacheInfo.length >= 8 ? cacheInfo.readUInt32LE(4) : INFINITE;
  return {
    index: message.body.readUInt32LE(4),
    address,
    prefixLength: message.body[1] as number,
    validSeconds: valid === INFINITE ? null : valid,
  };
}

/** @returns null for what is no unicast route for IPv4 in the main table over one interface */
export function decodeRoute(message: NetlinkMessage): Route | null {
  const attributes = attributesOf(message, ROUTE_BYTES);
  const { body } = message;
  const index = numberOf(attributes.get(RTA.outInterface));
  const table = numberOf(attributes.get(RTA.table)) ?? body[4];
  if (body[0] !== AF_INET || body[7] !== RTN_UNICAST || table !== RT_TABLE_MAIN || index === null)
    return null;
  return {
    index,
    destination: `${ipv4Of(attributes.get(RTA.destination)) ?? '0.0.0.0'}/${body[1]}`,
    gateway: ipv4Of(attributes.get(RTA.gateway)),
    metric: numberOf(attributes.get(RTA.priority)) ?? 0,
    protocol: body[5] as number,
  };
}

/** @param changes what is to be: absent stays as it is */
export function encodeLinkChange(
  index: number,
  changes: { readonly isUp?: boolean; readonly mtu?: number },
): Buffer {
  const body = Buffer.alloc(LINK_BYTES);
  body.writeInt32LE(index, 4);
  if (changes.isUp !== undefined) {
    body.writeUInt32LE(changes.isUp ? IFF_UP : 0, 8);
    body.writeUInt32LE(IFF_UP, 12);
  }
  if (changes.mtu === undefined) return body;
  return Buffer.concat([body, encodeAttribute(IFLA.mtu, uint32(changes.mtu))]);
}

export function encodeAddress({ index, address, prefixLength, validSeconds }: LinkAddress): Buffer {
  const body = Buffer.alloc(ADDRESS_BYTES);
  body[0] = AF_INET;
  body[1] = prefixLength;
  body[3] = RT_SCOPE_UNIVERSE;
  body.writeUInt32LE(index, 4);
  const number = parseIpv4(address) ?? 0;
  const hostBits = 2 ** (32 - prefixLength) - 1;
  const broadcast = Buffer.alloc(4);
  broadcast.writeUInt32BE(number - (number % (hostBits + 1)) + hostBits);
  const lifetime = validSeconds ?? INFINITE;
  return Buffer.concat([
    body,
    encodeAttribute(IFA.local, ipv4Bytes(address)),
    encodeAttribute(IFA.address, ipv4Bytes(address)),
    // RFC 3021: networks of two hosts or one have none.
    ...(prefixLength <= 30 ? [encodeAttribute(IFA.broadcast, broadcast)] : []),
    encodeAttribute(IFA.cacheInfo, Buffer.concat([uint32(lifetime), uint32(lifetime), uint32(0), uint32(0)])),
  ]);
}

/**
 * @param source the address that what takes the route comes from; null: whichever the kernel takes
 * @param isOnLink the gateway is reached directly, though no subnet says so
 */
export function encodeRoute(
  { index, destination, gateway, metric, protocol }: Route,
  { source = null, isOnLink = false }: { readonly source?: string | null; readonly isOnLink?: boolean } = {},
): Buffer {
  const [network = '', prefix = '0'] = destination.split('/');
  const body = Buffer.alloc(ROUTE_BYTES);
  body[0] = AF_INET;
  body[1] = Number(prefix);
  body[4] = RT_TABLE_MAIN;
  body[5] = protocol;
  body[6] = gateway === null ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  body[7] = RTN_UNICAST;
  if (isOnLink) body.writeUInt32LE(RTNH_F_ONLINK, 8);
  return Buffer.concat([
    body,
    ...(Number(prefix) > 0 ? [encodeAttribute(RTA.destination, ipv4Bytes(network))] : []),
    ...(gateway === null ? [] : [encodeAttribute(RTA.gateway, ipv4Bytes(gateway))]),
    ...(source === null ? [] : [encodeAttribute(RTA.preferredSource, ipv4Bytes(source))]),
    encodeAttribute(RTA.outInterface, uint32(index)),
    encodeAttribute(RTA.priority, uint32(metric)),
  ]);
}
