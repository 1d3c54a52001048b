// SPDX-License-Identifier: Apache-2.0
import { ipv4Bytes, macBytes, readIpv4, readMac } from './address-bytes.ts';
import { requireForm } from './malformed-packet.ts';
import { decodeOptions, encodeOptions, type Options } from './option-areas.ts';

/** RFC 2131 §2: the fields of BOOTP, then four bytes that say that options follow. */
const SNAME = { start: 44, end: 108 };
const FILE = { start: 108, end: 236 };
const MAGIC_START = 236;
const OPTIONS_START = 240;
const MAGIC = Buffer.from([99, 130, 83, 99]);
/** RFC 951: old servers and relays drop shorter ones. */
const LEAST_BYTES = 300;
/** RFC 1700: Ethernet, with addresses of six bytes. */
const ETHERNET = 1;
const ETHERNET_ADDRESS_BYTES = 6;
const BOOT_REQUEST = 1;
const BOOT_REPLY = 2;
const BROADCAST_FLAG = 0x8000;
/** What a field of two bytes can say. */
const MAX_SECONDS = 0xffff;

/** A message of DHCP (RFC 2131 §2). Addresses in dotted decimal; `0.0.0.0` where there is none. */
export interface DhcpMessage {
  readonly operation: 'request' | 'reply';
  readonly transactionId: number;
  /** Since the client began. */
  readonly seconds: number;
  /** The client cannot be reached by unicast before it has its address. */
  readonly isBroadcast: boolean;
  readonly clientAddress: string;
  readonly yourAddress: string;
  readonly nextServer: string;
  readonly relay: string;
  readonly clientMac: string;
  readonly options: Options;
}

/** @throws MalformedPacketError for what is no message of DHCP over Ethernet, or has options that do not fit */
export function decodeMessage(bytes: Buffer): DhcpMessage {
  requireForm(bytes.length >= OPTIONS_START, 'shorter than a message of DHCP');
  const operation = bytes[0];
  requireForm(operation === BOOT_REQUEST || operation === BOOT_REPLY, 'neither a request nor a reply');
  requireForm(bytes[1] === ETHERNET && bytes[2] === ETHERNET_ADDRESS_BYTES, 'not for Ethernet');
  requireForm(bytes.subarray(MAGIC_START, OPTIONS_START).equals(MAGIC), 'without the magic of options');
  return {
    operation: operation === BOOT_REQUEST ? 'request' : 'reply',
    transactionId: bytes.readUInt32BE(4),
    seconds: bytes.readUInt16BE(8),
    isBroadcast: (bytes.readUInt16BE(10) & BROADCAST_FLAG) !== 0,
    clientAddress: readIpv4(bytes, 12),
    yourAddress: readIpv4(bytes, 16),
    nextServer: readIpv4(bytes, 20),
    relay: readIpv4(bytes, 24),
    clientMac: readMac(bytes, 28),
    options: decodeOptions({
      options: bytes.subarray(OPTIONS_START),
      file: bytes.subarray(FILE.start, FILE.end),
      sname: bytes.subarray(SNAME.start, SNAME.end),
    }),
  };
}

/** The bytes of a message, filled up to what old servers want. */
export function encodeMessage(message: DhcpMessage): Buffer {
  const header = Buffer.alloc(OPTIONS_START);
  header[0] = message.operation === 'request' ? BOOT_REQUEST : BOOT_REPLY;
  header[1] = ETHERNET;
  header[2] = ETHERNET_ADDRESS_BYTES;
  header.writeUInt32BE(message.transactionId, 4);
  header.writeUInt16BE(Math.min(message.seconds, MAX_SECONDS), 8);
  header.writeUInt16BE(message.isBroadcast ? BROADCAST_FLAG : 0, 10);
  ipv4Bytes(message.clientAddress).copy(header, 12);
  ipv4Bytes(message.yourAddress).copy(header, 16);
  ipv4Bytes(message.nextServer).copy(header, 20);
  ipv4Bytes(message.relay).copy(header, 24);
  macBytes(message.clientMac).copy(header, 28);
  MAGIC.copy(header, MAGIC_START);
  const bytes = Buffer.concat([header, encodeOptions(message.options)]);
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, LEAST_BYTES - bytes.length))]);
}
