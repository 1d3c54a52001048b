// SPDX-License-Identifier: Apache-2.0
import { BPF, type Instruction, NETWORK_HEADER } from './bpf-program.ts';

/** What a program is run over. */
export interface BpfData {
  readonly lengthBytes: number;
  /** @returns undefined: these bytes are not all there, at which the kernel ends the program with 0 */
  read(offset: number, sizeBytes: 1 | 2 | 4): number | undefined;
}

const readFrom = (bytes: Buffer, offset: number, sizeBytes: number) =>
  offset + sizeBytes > bytes.length ? undefined : bytes.readUIntBE(offset, sizeBytes);

/**
 * A packet: what is read is in network order.
 *
 * @param ip the same from its header of IP on. Default: there is none
 */
export const packetData = (bytes: Buffer, ip: Buffer = Buffer.alloc(0)): BpfData => ({
  lengthBytes: bytes.length,
  read: (offset, sizeBytes) =>
    offset < NETWORK_HEADER
      ? readFrom(bytes, offset, sizeBytes)
      : readFrom(ip, offset - NETWORK_HEADER, sizeBytes),
});

/** Of each instruction that loads from the data: how much. */
const LOADS: Readonly<Record<number, 1 | 2 | 4>> = {
  [BPF.LOAD_WORD]: 4,
  [BPF.LOAD_HALF]: 2,
  [BPF.LOAD_BYTE]: 1,
  [BPF.LOAD_HALF_AT_X]: 2,
  [BPF.LOAD_BYTE_AT_X]: 1,
};
const AT_X: ReadonlySet<number> = new Set([BPF.LOAD_HALF_AT_X, BPF.LOAD_BYTE_AT_X]);

const CONDITIONS: Readonly<Record<number, (a: number, k: number, x: number) => boolean>> = {
  [BPF.JUMP_IF_EQUAL]: (a, k) => a === k,
  [BPF.JUMP_IF_EQUAL_X]: (a, _k, x) => a === x,
  [BPF.JUMP_IF_GREATER]: (a, k) => a > k,
  [BPF.JUMP_IF_NOT_LESS]: (a, k) => a >= k,
  [BPF.JUMP_IF_ANY_BIT]: (a, k) => (a & k) !== 0,
};

/**
 * Runs a program as the kernel does: what tests know a filter by before the kernel has it.
 *
 * @returns the value of the return that it comes to
 * @throws RangeError a program that leaves itself, which the kernel would not have taken
 */
export function interpret(program: readonly Instruction[], data: BpfData): number {
  let a = 0;
  let x = 0;
  for (let at = 0; ; at += 1) {
    const instruction = program[at];
    if (instruction === undefined) throw new RangeError('the program has no return here');
    const { code, jt, jf, k } = instruction;
    const sizeBytes = LOADS[code];
    const condition = CONDITIONS[code];
    if (sizeBytes !== undefined) {
      const value = data.read(AT_X.has(code) ? x + k : k, sizeBytes);
      if (value === undefined) return 0;
      a = value;
    } else if (condition !== undefined) {
      at += condition(a, k, x) ? jt : jf;
    } else if (code === BPF.LOAD_HEADER_LENGTH) {
      const value = data.read(k, 1);
      if (value === undefined) return 0;
      x = 4 * (value & 0x0f);
    } else if (code === BPF.COPY_TO_X) {
      x = a;
    } else if (code === BPF.LOAD_PACKET_LENGTH) {
      a = data.lengthBytes;
    } else if (code === BPF.AND) {
      a = (a & k) >>> 0;
    } else if (code === BPF.JUMP) {
      at += k;
    } else if (code === BPF.RETURN) {
      return k;
    } else {
      throw new RangeError(`0x${code.toString(16)} is no instruction`);
    }
  }
}
