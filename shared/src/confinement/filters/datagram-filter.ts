// SPDX-License-Identifier: Apache-2.0
import {
  assemble,
  BPF,
  branch,
  DROP,
  give,
  type Instruction,
  KEEP_WHOLE,
  type Line,
  label,
  load,
  UDP_HEADER_BYTES,
} from './bpf-program.ts';

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
