// SPDX-License-Identifier: Apache-2.0
import { ipv4Bytes, macBytes, readIpv4, readMac } from './address-bytes.ts';
import { internetChecksum } from './checksum.ts';
import { requireForm } from './malformed-packet.ts';

export const ETHERNET_HEADER_BYTES = 14;
const ETHER_TYPE_IPV4 = 0x0800;
/** RFC 791 §3.1, without options. */
const IPV4_HEADER_BYTES = 20;
const PROTOCOL_UDP = 17;
/** RFC 791: "more fragments", and the offset of this one. */
const FRAGMENT_BITS = 0x3fff;
const DONT_FRAGMENT = 0x4000;
/** RFC 768. */
const UDP_HEADER_BYTES = 8;
/** What hosts send that want to reach one link; no router needs to pass it on but a relay, which writes it anew. */
const TIME_TO_LIVE = 64;
/** RFC 768: "no checksum". */
const NO_CHECKSUM = 0;

/** A UDP datagram over IPv4 in an Ethernet frame. Hardware addresses in lower case with colons. */
export interface UdpFrame {
  readonly sourceMac: string;
  readonly targetMac: string;
  readonly source: string;
  readonly target: string;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly payload: Buffer;
}

/** RFC 768: addresses, protocol and length, of which the checksum is made as well. */
function pseudoHeader(addresses: Buffer, udpBytes: number): Buffer {
  const tail = Buffer.alloc(4);
  tail[1] = PROTOCOL_UDP;
  tail.writeUInt16BE(udpBytes, 2);
  return Buffer.concat([addresses, tail]);
}

/**
 * Reads a whole datagram out of a frame. What Ethernet filled up behind it is left out.
 *
 * @param isChecksumLeftOut the sender left the checksum of UDP to hardware that it does not have, as virtual
 *   machines and containers of this host do: what stands in its place says nothing
 * @throws MalformedPacketError for anything else, fragments included
 */
export function decodeUdpFrame(frame: Buffer, isChecksumLeftOut = false): UdpFrame {
  requireForm(frame.length >= ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES, 'shorter than its headers');
  requireForm(frame.readUInt16BE(12) === ETHER_TYPE_IPV4, 'not IPv4');
  const packet = frame.subarray(ETHERNET_HEADER_BYTES);
  const [first = 0] = packet;
  const headerBytes = (first & 0x0f) * 4;
  const totalBytes = packet.readUInt16BE(2);
  requireForm(first >> 4 === 4, 'not version 4 of IP');
  requireForm(headerBytes >= IPV4_HEADER_BYTES, 'an IP header that is too short');
  requireForm(headerBytes + UDP_HEADER_BYTES <= totalBytes, 'an IP packet shorter than its headers');
  requireForm(totalBytes <= packet.length, 'an IP packet longer than its frame');
  requireForm((packet.readUInt16BE(6) & FRAGMENT_BITS) === 0, 'a fragment');
  requireForm(packet[9] === PROTOCOL_UDP, 'not UDP');
  requireForm(internetChecksum(packet.subarray(0, headerBytes)) === 0, 'a wrong checksum of IP');

  const udpBytes = packet.readUInt16BE(headerBytes + 4);
  requireForm(udpBytes >= UDP_HEADER_BYTES, 'a UDP datagram shorter than its header');
  requireForm(headerBytes + udpBytes <= totalBytes, 'a UDP datagram longer than its packet');
  const datagram = packet.subarray(headerBytes, headerBytes + udpBytes);
  if (!isChecksumLeftOut && datagram.readUInt16BE(6) !== NO_CHECKSUM) {
    const checksum = internetChecksum(pseudoHeader(packet.subarray(12, 20), udpBytes), datagram);
    requireForm(checksum === 0, 'a wrong checksum of UDP');
  }
  return {
    targetMac: readMac(frame, 0),
    sourceMac: readMac(frame, 6),
    source: readIpv4(packet, 12),
    target: readIpv4(packet, 16),
    sourcePort: datagram.readUInt16BE(0),
    targetPort: datagram.readUInt16BE(2),
    payload: datagram.subarray(UDP_HEADER_BYTES),
  };
}

/** A frame with its checksums. @throws RangeError for what fits into no packet: a fault of the program */
export function encodeUdpFrame(parts: UdpFrame): Buffer {
  const udpBytes = UDP_HEADER_BYTES + parts.payload.length;
  const addresses = Buffer.concat([ipv4Bytes(parts.source), ipv4Bytes(parts.target)]);

  const udp = Buffer.alloc(UDP_HEADER_BYTES);
  udp.writeUInt16BE(parts.sourcePort, 0);
  udp.writeUInt16BE(parts.targetPort, 2);
  udp.writeUInt16BE(udpBytes, 4);
  const checksum = internetChecksum(pseudoHeader(addresses, udpBytes), udp, parts.payload);
  udp.writeUInt16BE(checksum === NO_CHECKSUM ? 0xffff : checksum, 6);

  const ip = Buffer.alloc(IPV4_HEADER_BYTES);
  ip[0] = 0x45;
  ip.writeUInt16BE(IPV4_HEADER_BYTES + udpBytes, 2);
  ip.writeUInt16BE(DONT_FRAGMENT, 6);
  ip[8] = TIME_TO_LIVE;
  ip[9] = PROTOCOL_UDP;
  addresses.copy(ip, 12);
  ip.writeUInt16BE(internetChecksum(ip), 10);

  const etherType = Buffer.from([ETHER_TYPE_IPV4 >> 8, ETHER_TYPE_IPV4 & 0xff]);
  return Buffer.concat([
    macBytes(parts.targetMac),
    macBytes(parts.sourceMac),
    etherType,
    ip,
    udp,
    parts.payload,
  ]);
}
