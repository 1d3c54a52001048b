// SPDX-License-Identifier: Apache-2.0
import { ipWords } from '../../net/ip-address.ts';
import {
  and,
  assemble,
  BPF,
  branch,
  DROP,
  give,
  type Instruction,
  KEEP_WHOLE,
  label,
  load,
  NETWORK_HEADER,
  UDP_HEADER_BYTES,
} from './bpf-program.ts';

/** A socket of UDP shows a filter the header of UDP first (RFC 768), whatever family of addresses it has. */
const SOURCE_PORT_OFFSET = 0;
/** RFC 5905 §7.3: no packet is shorter; the lowest three bits of its first byte are the mode, of a server's answer 4. */
const LEAST_PACKET_BYTES = 48;
const MODE_BITS = 0x07;
const MODE_SERVER = 4;
/** Of the sender, behind the beginning of a header of IP: RFC 791, RFC 8200. */
const IPV4_SOURCE_OFFSET = 12;
const IPV6_SOURCE_OFFSET = 8;
const WORD_BYTES = 4;

/**
 * Lets in what a server of NTP can answer: from its address and port, not too short, of the mode that answers have.
 *
 * @throws RangeError it is no address
 */
export function ntpFilter(address: string, port: number): Instruction[] {
  const words = ipWords(address);
  if (words.length === 0) throw new RangeError(`${address} is no address`);
  const sourceOffset = words.length === 1 ? IPV4_SOURCE_OFFSET : IPV6_SOURCE_OFFSET;
  return assemble([
    load(BPF.LOAD_PACKET_LENGTH),
    branch(BPF.JUMP_IF_NOT_LESS, UDP_HEADER_BYTES + LEAST_PACKET_BYTES, undefined, 'drop'),
    load(BPF.LOAD_HALF, SOURCE_PORT_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, port, undefined, 'drop'),
    load(BPF.LOAD_BYTE, UDP_HEADER_BYTES),
    and(MODE_BITS),
    branch(BPF.JUMP_IF_EQUAL, MODE_SERVER, undefined, 'drop'),
    ...words.flatMap((word, index) => [
      load(BPF.LOAD_WORD, NETWORK_HEADER + sourceOffset + WORD_BYTES * index),
      branch(BPF.JUMP_IF_EQUAL, word, undefined, 'drop'),
    ]),
    give(KEEP_WHOLE),
    label('drop'),
    give(DROP),
  ]);
}
