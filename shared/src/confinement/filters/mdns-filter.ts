// SPDX-License-Identifier: Apache-2.0
import { MDNS_PORT } from '../../dns-sd/service-types.ts';
import {
  assemble,
  BPF,
  branch,
  DROP,
  give,
  type Instruction,
  KEEP_WHOLE,
  label,
  load,
  UDP_HEADER_BYTES,
} from './bpf-program.ts';

/**
 * A socket of UDP shows a filter the header of UDP first (RFC 768: source port, destination port, length, checksum),
 * whatever family of addresses it has.
 */
const SOURCE_PORT_OFFSET = 0;
const DESTINATION_PORT_OFFSET = 2;
/** RFC 1035, section 4.1.1. */
const DNS_HEADER_BYTES = 12;
/** RFC 6762, section 17. */
const MAX_MESSAGE_BYTES = 9000;

/** Lets in what can be multicast DNS: from port 5353 or to it, and neither too short nor too long for a message. */
export function mdnsFilter(): Instruction[] {
  return assemble([
    load(BPF.LOAD_PACKET_LENGTH),
    branch(BPF.JUMP_IF_NOT_LESS, UDP_HEADER_BYTES + DNS_HEADER_BYTES, undefined, 'drop'),
    branch(BPF.JUMP_IF_GREATER, UDP_HEADER_BYTES + MAX_MESSAGE_BYTES, 'drop'),
    load(BPF.LOAD_HALF, DESTINATION_PORT_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, MDNS_PORT, 'keep'),
    load(BPF.LOAD_HALF, SOURCE_PORT_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, MDNS_PORT, 'keep'),
    label('drop'),
    give(DROP),
    label('keep'),
    give(KEEP_WHOLE),
  ]);
}
