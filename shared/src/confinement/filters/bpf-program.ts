// SPDX-License-Identifier: Apache-2.0
/**
 * Classic BPF (the kernel's Documentation/networking/filter.rst): a program of at most 4096 instructions that jumps
 * forward alone, and so always ends. The kernel runs it over a packet, or over a system call and its arguments.
 */

/** What a filter of a socket gives: how many bytes of a packet are kept. */
export const DROP = 0;
export const KEEP_WHOLE = 0xffffffff;
/** What a socket of UDP shows a filter before the payload (RFC 768), whatever family of addresses it has. */
export const UDP_HEADER_BYTES = 8;

/** One instruction as the kernel has it, `struct sock_filter`: jumps count instructions from the next one on. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** An instruction whose jumps are named, or the name of the instruction that follows. */
export type Line =
  | { readonly label: string }
  | { readonly code: number; readonly k: number; readonly jt?: string; readonly jf?: string };

/** BPF_MAXINSNS. */
export const MAX_INSTRUCTIONS = 4096;
const MAX_CONDITIONAL_JUMP = 0xff;
const MAX_OPERAND = 0xffffffff;
/** `struct sock_filter`. */
const INSTRUCTION_BYTES = 8;

/** Operation codes: class | size | mode, or class | operation | source. */
export const BPF = {
  LOAD_WORD: 0x20,
  LOAD_HALF: 0x28,
  LOAD_BYTE: 0x30,
  /** Of the packet: 4 × its low four bits into X, as an IPv4 header tells its length. */
  LOAD_HEADER_LENGTH: 0xb1,
  LOAD_PACKET_LENGTH: 0x80,
  LOAD_HALF_AT_X: 0x48,
  LOAD_BYTE_AT_X: 0x50,
  /** What was loaded last into X. */
  COPY_TO_X: 0x07,
  AND: 0x54,
  JUMP: 0x05,
  JUMP_IF_EQUAL: 0x15,
  /** To X. */
  JUMP_IF_EQUAL_X: 0x1d,
  JUMP_IF_GREATER: 0x25,
  JUMP_IF_NOT_LESS: 0x35,
  JUMP_IF_ANY_BIT: 0x45,
  RETURN: 0x06,
} as const;

/**
 * SKF_NET_OFF of `linux/filter.h`: what is loaded from here on is of the packet's header of IP, also where a socket shows
 * less.
 */
export const NETWORK_HEADER = 0xfff00000;

const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(BPF));
const CONDITIONAL: ReadonlySet<number> = new Set([
  BPF.JUMP_IF_EQUAL,
  BPF.JUMP_IF_EQUAL_X,
  BPF.JUMP_IF_GREATER,
  BPF.JUMP_IF_NOT_LESS,
  BPF.JUMP_IF_ANY_BIT,
]);

export const label = (name: string): Line => ({ label: name });
export const load = (code: number, offset = 0): Line => ({ code, k: offset });
export const and = (mask: number): Line => ({ code: BPF.AND, k: mask });
export const jump = (to: string): Line => ({ code: BPF.JUMP, k: 0, jt: to });
export const give = (value: number): Line => ({ code: BPF.RETURN, k: value });
/** A jump by condition; a side without a name goes on with the next instruction. */
export const branch = (code: number, k: number, jt?: string, jf?: string): Line => ({
  code,
  k,
  ...(jt !== undefined && { jt }),
  ...(jf !== undefined && { jf }),
});

/**
 * Puts distances in the place of names.
 *
 * @throws RangeError a name that is missing, is given twice or lies behind; a jump that is too far for its
 * instruction; an operand of more than 32 bits; a program that is empty, too long, or does not end with a return
 */
export function assemble(lines: readonly Line[]): Instruction[] {
  const positions = new Map<string, number>();
  let count = 0;
  for (const line of lines) {
    if (!('label' in line)) {
      count += 1;
      continue;
    }
    if (positions.has(line.label)) throw new RangeError(`${line.label} stands in the program twice`);
    positions.set(line.label, count);
  }
  if (count === 0 || count > MAX_INSTRUCTIONS) {
    throw new RangeError(`a program has 1 to ${MAX_INSTRUCTIONS} instructions, this one ${count}`);
  }
  const program: Instruction[] = [];
  const distanceTo = (name: string, limit: number): number => {
    const position = positions.get(name);
    if (position === undefined) throw new RangeError(`there is no ${name} to jump to`);
    const distance = position - program.length - 1;
    if (distance < 0) throw new RangeError(`${name} lies behind: programs jump forward alone`);
    if (position >= count) throw new RangeError(`no instruction follows ${name}`);
    if (distance > limit) throw new RangeError(`${name} is ${distance} instructions away, at most ${limit}`);
    return distance;
  };
  for (const line of lines) {
    if ('label' in line) continue;
    const { code, k, jt, jf } = line;
    if (!KNOWN_CODES.has(code)) throw new RangeError(`0x${code.toString(16)} is no instruction`);
    if (!Number.isInteger(k) || k < 0 || k > MAX_OPERAND) throw new RangeError(`${k} is no 32-bit operand`);
    if (code === BPF.JUMP) {
      program.push({ code, jt: 0, jf: 0, k: distanceTo(jt ?? '', MAX_OPERAND) });
    } else if (CONDITIONAL.has(code)) {
      const sideTo = (name?: string) => (name === undefined ? 0 : distanceTo(name, MAX_CONDITIONAL_JUMP));
      program.push({ code, jt: sideTo(jt), jf: sideTo(jf), k });
    } else {
      program.push({ code, jt: 0, jf: 0, k });
    }
  }
  if (program.at(-1)?.code !== BPF.RETURN) throw new RangeError('a program ends with a return');
  return program;
}

/** A program as the kernel takes it: an array of `struct sock_filter`, in the order of bytes of this machine. */
export function encodeProgram(program: readonly Instruction[]): Buffer {
  // Both processors that this is for are little-endian.
  const bytes = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    const at = index * INSTRUCTION_BYTES;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(jt, at + 2);
    bytes.writeUInt8(jf, at + 3);
    bytes.writeUInt32LE(k, at + 4);
  }
  return bytes;
}
