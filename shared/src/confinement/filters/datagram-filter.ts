import { assemble, BPF, branch, give, type Instruction, type Line, label, load } from './bpf-program.ts';
import { DROP, KEEP_WHOLE } from './mdns-filter.ts';

/** What a socket of UDP shows a filter before the payload (RFC 768), whatever family of addresses it has. */
const UDP_HEADER_BYTES = 8;

export interface DatagramBounds {
  /** Of the payload. */
  readonly minBytes: number;
  readonly maxBytes: number;
  /** What the payload begins with. Default: anything. */
  readonly firstByte?: number;
}

/** Lets in datagrams by the length of their payload, and by what it begins with. */
export function datagramFilter({ minBytes, maxBytes, firstByte }: DatagramBounds): Instruction[] {
  const beginning: readonly Line[] =
    firstByte === undefined
      ? []
      : [load(BPF.LOAD_BYTE, UDP_HEADER_BYTES), branch(BPF.JUMP_IF_EQUAL, firstByte, undefined, 'drop')];
  return assemble([
    load(BPF.LOAD_PACKET_LENGTH),
    branch(BPF.JUMP_IF_NOT_LESS, UDP_HEADER_BYTES + minBytes, undefined, 'drop'),
    branch(BPF.JUMP_IF_GREATER, UDP_HEADER_BYTES + maxBytes, 'drop'),
    ...beginning,
    give(KEEP_WHOLE),
    label('drop'),
    give(DROP),
  ]);
}
