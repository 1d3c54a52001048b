// SPDX-License-Identifier: Apache-2.0
import {
  assemble,
  BPF,
  branch,
  DROP,
  give,
  type Instruction,
  jump,
  KEEP_WHOLE,
  label,
  load,
} from './bpf-program.ts';

/** A packet socket shows a filter whole frames: Ethernet, then IPv4 (RFC 791) or ARP (RFC 826). */
const TARGET_MAC_OFFSET = 0;
const ETHER_TYPE_OFFSET = 12;
const ETHER_TYPE_IPV4 = 0x0800;
const ETHER_TYPE_ARP = 0x0806;
const IP_OFFSET = 14;
const FRAGMENT_OFFSET = 20;
/** "More fragments", and where this one belongs. */
const FRAGMENT_BITS = 0x3fff;
const PROTOCOL_OFFSET = 23;
const PROTOCOL_UDP = 17;
/** Behind a header of IP, whose length is in X. */
const UDP_TARGET_PORT_OFFSET = 16;
/** RFC 2131 §4.1. */
const CLIENT_PORT = 68;
/** Hardware and protocol; the lengths of their addresses. */
const ARP_FORM_OFFSET = 14;
const ARP_ETHERNET_IPV4 = 0x00010800;
const ARP_LENGTHS_OFFSET = 18;
const ARP_LENGTHS = 0x0604;
const ARP_SENDER_OFFSET = 28;
const ARP_TARGET_OFFSET = 38;
const BROADCAST_HIGH = 0xffffffff;
const BROADCAST_LOW = 0xffff;

/**
 * Lets in what a client of DHCP has to hear of its link, of whole frames to itself or to all:
 * - UDP over IPv4 to port 68 that is no fragment;
 * - ARP for IPv4 to itself; to all only what probes or announces an address (RFC 5227), not the daily questions of a
 *   link, which are none of its business.
 *
 * @param mac the interface's hardware address, six bytes
 * @throws RangeError for another number of bytes
 */
export function dhcpFilter(mac: Buffer): Instruction[] {
  if (mac.length !== 6) throw new RangeError('a hardware address of Ethernet has six bytes');
  return assemble([
    load(BPF.LOAD_HALF, ETHER_TYPE_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, ETHER_TYPE_ARP, 'arp'),
    branch(BPF.JUMP_IF_EQUAL, ETHER_TYPE_IPV4, undefined, 'drop'),
    load(BPF.LOAD_BYTE, PROTOCOL_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, PROTOCOL_UDP, undefined, 'drop'),
    load(BPF.LOAD_HALF, FRAGMENT_OFFSET),
    branch(BPF.JUMP_IF_ANY_BIT, FRAGMENT_BITS, 'drop'),
    load(BPF.LOAD_HEADER_LENGTH, IP_OFFSET),
    load(BPF.LOAD_HALF_AT_X, UDP_TARGET_PORT_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, CLIENT_PORT, 'to all', 'drop'),

    label('arp'),
    load(BPF.LOAD_WORD, ARP_FORM_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, ARP_ETHERNET_IPV4, undefined, 'drop'),
    load(BPF.LOAD_HALF, ARP_LENGTHS_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, ARP_LENGTHS, undefined, 'drop'),
    load(BPF.LOAD_WORD, ARP_TARGET_OFFSET),
    load(BPF.COPY_TO_X),
    load(BPF.LOAD_WORD, ARP_SENDER_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, 0, 'to all'),
    branch(BPF.JUMP_IF_EQUAL_X, 0, 'to all'),
    load(BPF.LOAD_WORD, TARGET_MAC_OFFSET),
    jump('to itself'),

    label('to all'),
    load(BPF.LOAD_WORD, TARGET_MAC_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, BROADCAST_HIGH, undefined, 'to itself'),
    load(BPF.LOAD_HALF, TARGET_MAC_OFFSET + 4),
    branch(BPF.JUMP_IF_EQUAL, BROADCAST_LOW, 'keep', 'drop'),

    label('to itself'),
    branch(BPF.JUMP_IF_EQUAL, mac.readUInt32BE(0), undefined, 'drop'),
    load(BPF.LOAD_HALF, TARGET_MAC_OFFSET + 4),
    branch(BPF.JUMP_IF_EQUAL, mac.readUInt16BE(4), 'keep'),

    label('drop'),
    give(DROP),
    label('keep'),
    give(KEEP_WHOLE),
  ]);
}
