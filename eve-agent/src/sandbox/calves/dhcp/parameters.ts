// SPDX-License-Identifier: Apache-2.0
import { isDomainName } from '../../keys/domain-name.ts';
import { BROADCAST_ADDRESS, IPV4_BYTES, NO_ADDRESS, readIpv4 } from './address-bytes.ts';
import { decodeClasslessRoutes, type LeaseRoute } from './classless-routes.ts';
import { decodeDomainSearch } from './domain-search.ts';
import { MalformedPacketError, requireForm } from './malformed-packet.ts';
import type { DhcpMessage } from './message.ts';
import type { Options } from './option-areas.ts';
import { MESSAGE_TYPES, type MessageType, OPTION } from './option-codes.ts';

/** RFC 2132 §5.1. */
const LEAST_MTU = 68;
/** More than a resolver asks, and than a host has a use for. */
const MAX_ADDRESSES = 8;
/** Of what a server says to people. */
const MAX_TEXT_BYTES = 255;

/** What the options of a message say. Absent: not sent, or of a form that cannot be read. */
export interface Parameters {
  readonly type: MessageType;
  readonly serverId?: string;
  readonly prefixLength?: number;
  readonly routers: readonly string[];
  readonly nameServers: readonly string[];
  readonly domain?: string;
  readonly search: readonly string[];
  readonly mtu?: number;
  /** Absent without option 121; with it, routers do not count (RFC 3442). */
  readonly routes?: readonly LeaseRoute[];
  readonly leaseSeconds?: number;
  readonly renewalSeconds?: number;
  readonly rebindingSeconds?: number;
  /** Why the server says no; printable ASCII. */
  readonly text?: string;
  /** Codes of options whose values could not be read. */
  readonly unreadable: readonly number[];
}

const isHost = (address: string) => address !== NO_ADDRESS && address !== BROADCAST_ADDRESS;

function readAddress(value: Buffer): string {
  requireForm(value.length === IPV4_BYTES, 'not one address');
  const address = readIpv4(value, 0);
  requireForm(isHost(address), 'not the address of a host');
  return address;
}

function readAddresses(value: Buffer): string[] {
  requireForm(value.length > 0 && value.length % IPV4_BYTES === 0, 'not addresses');
  const addresses = Array.from({ length: value.length / IPV4_BYTES }, (_, index) =>
    readIpv4(value, index * IPV4_BYTES),
  );
  return [...new Set(addresses.filter(isHost))].slice(0, MAX_ADDRESSES);
}

/** RFC 950: ones, then zeros. */
function readPrefixLength(value: Buffer): number {
  requireForm(value.length === IPV4_BYTES, 'not one mask');
  const bits = value.readUInt32BE(0).toString(2).padStart(32, '0');
  requireForm(/^1+0*$/.test(bits), 'a mask with holes');
  return bits.lastIndexOf('1') + 1;
}

function readSeconds(value: Buffer): number {
  requireForm(value.length === 4, 'not a number of seconds');
  return value.readUInt32BE(0);
}

function readMtu(value: Buffer): number {
  requireForm(value.length === 2, 'not a number of two bytes');
  const mtu = value.readUInt16BE(0);
  requireForm(mtu >= LEAST_MTU, 'less than any link can carry');
  return mtu;
}

/** Servers end texts with a zero byte now and then, though RFC 2132 §2 does not want it. */
const readText = (value: Buffer) => value.toString('latin1').replace(/\0+$/, '');

function readDomain(value: Buffer): string {
  const domain = readText(value).replace(/\.$/, '');
  requireForm(isDomainName(domain), 'not a domain name');
  return domain;
}

const readPrintable = (value: Buffer) => readText(value.subarray(0, MAX_TEXT_BYTES)).replace(/[^ -~]/g, '?');

function readType(options: Options): MessageType {
  const value = options.get(OPTION.messageType);
  requireForm(value !== undefined, 'without a message type: BOOTP');
  requireForm(value.length === 1, 'more than one message type');
  const type = MESSAGE_TYPES[(value[0] as number) - 1];
  requireForm(type !== undefined, `message type ${value[0]}`);
  return type;
}

/**
 * Reads what a client uses of a message's options. One whose value cannot be read counts as absent: the lease may do
 * without it.
 *
 * @throws MalformedPacketError without a type of message that RFC 2132 knows
 */
export function readParameters({ options }: DhcpMessage): Parameters {
  const type = readType(options);
  const unreadable: number[] = [];
  function read<Key extends string, Value>(
    key: Key,
    code: number,
    decode: (value: Buffer) => Value,
  ): { readonly [name in Key]?: Value } {
    const value = options.get(code);
    if (value === undefined) return {};
    try {
      return { [key]: decode(value) } as { readonly [name in Key]: Value };
    } catch (error) {
      if (!(error instanceof MalformedPacketError)) throw error;
      unreadable.push(code);
      return {};
    }
  }
  return {
    type,
    routers: [],
    nameServers: [],
    search: [],
    ...read('serverId', OPTION.serverIdentifier, readAddress),
    ...read('prefixLength', OPTION.subnetMask, readPrefixLength),
    ...read('routers', OPTION.router, readAddresses),
    ...read('nameServers', OPTION.nameServer, readAddresses),
    ...read('domain', OPTION.domainName, readDomain),
    ...read('search', OPTION.domainSearch, decodeDomainSearch),
    ...read('mtu', OPTION.interfaceMtu, readMtu),
    ...read('routes', OPTION.classlessRoutes, decodeClasslessRoutes),
    ...read('leaseSeconds', OPTION.leaseTime, readSeconds),
    ...read('renewalSeconds', OPTION.renewalTime, readSeconds),
    ...read('rebindingSeconds', OPTION.rebindingTime, readSeconds),
    ...read('text', OPTION.message, readPrintable),
    unreadable,
  };
}
