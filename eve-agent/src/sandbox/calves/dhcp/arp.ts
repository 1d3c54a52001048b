// SPDX-License-Identifier: Apache-2.0
import {
  BROADCAST_MAC,
  ipv4Bytes,
  macBytes,
  NO_ADDRESS,
  NO_MAC,
  readIpv4,
  readMac,
} from './address-bytes.ts';
import { requireForm } from './malformed-packet.ts';
import { ETHERNET_HEADER_BYTES } from './udp-frame.ts';

export const ETHER_TYPE_ARP = 0x0806;
/** RFC 826 for IPv4 over Ethernet: hardware 1, protocol 0x0800, addresses of 6 and 4 bytes. */
const FORM = Buffer.from([0, 1, 0x08, 0x00, 6, 4]);
const PACKET_BYTES = 28;
const REQUEST = 1;
const REPLY = 2;

/** An ARP packet for IPv4 over Ethernet. */
export interface ArpPacket {
  readonly operation: 'request' | 'reply';
  readonly senderMac: string;
  readonly senderAddress: string;
  readonly targetMac: string;
  readonly targetAddress: string;
}

/** Whether a frame says that it is ARP. */
export function isArpFrame(frame: Buffer): boolean {
  return frame.length >= ETHERNET_HEADER_BYTES && frame.readUInt16BE(12) === ETHER_TYPE_ARP;
}

/** @throws MalformedPacketError for anything else */
export function decodeArpFrame(frame: Buffer): ArpPacket {
  requireForm(frame.length >= ETHERNET_HEADER_BYTES + PACKET_BYTES, 'shorter than an ARP packet');
  requireForm(isArpFrame(frame), 'not ARP');
  const packet = frame.subarray(ETHERNET_HEADER_BYTES);
  requireForm(packet.subarray(0, FORM.length).equals(FORM), 'not ARP for IPv4 over Ethernet');
  const operation = packet.readUInt16BE(6);
  requireForm(operation === REQUEST || operation === REPLY, 'neither a request nor a reply of ARP');
  return {
    operation: operation === REQUEST ? 'request' : 'reply',
    senderMac: readMac(packet, 8),
    senderAddress: readIpv4(packet, 14),
    targetMac: readMac(packet, 18),
    targetAddress: readIpv4(packet, 24),
  };
}

function broadcastRequest(mac: string, senderAddress: string, targetAddress: string): Buffer {
  return Buffer.concat([
    macBytes(BROADCAST_MAC),
    macBytes(mac),
    Buffer.from([ETHER_TYPE_ARP >> 8, ETHER_TYPE_ARP & 0xff]),
    FORM,
    Buffer.from([0, REQUEST]),
    macBytes(mac),
    ipv4Bytes(senderAddress),
    macBytes(NO_MAC),
    ipv4Bytes(targetAddress),
  ]);
}

/** RFC 5227 §2.1.1: asks whether somebody has an address, without claiming it. */
export const encodeArpProbe = (mac: string, address: string): Buffer =>
  broadcastRequest(mac, NO_ADDRESS, address);

/** RFC 5227 §2.3: tells everybody who has an address now. */
export const encodeArpAnnouncement = (mac: string, address: string): Buffer =>
  broadcastRequest(mac, address, address);
