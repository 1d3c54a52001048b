// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { interpret, packetData } from './bpf-interpreter.ts';
import {
  and,
  assemble,
  BPF,
  branch,
  encodeProgram,
  give,
  jump,
  type Line,
  label,
  load,
  MAX_INSTRUCTIONS,
} from './bpf-program.ts';

const run = (lines: readonly Line[], bytes: readonly number[]) =>
  interpret(assemble(lines), packetData(Buffer.from(bytes)));

describe('assemble', () => {
  it('counts jumps from the instruction that follows', () => {
    const program = assemble([
      load(BPF.LOAD_BYTE, 3),
      branch(BPF.JUMP_IF_EQUAL, 7, 'yes', 'no'),
      label('no'),
      give(0),
      label('yes'),
      give(1),
    ]);
    expect(program).toEqual([
      { code: 0x30, jt: 0, jf: 0, k: 3 },
      { code: 0x15, jt: 1, jf: 0, k: 7 },
      { code: 0x06, jt: 0, jf: 0, k: 0 },
      { code: 0x06, jt: 0, jf: 0, k: 1 },
    ]);
    // What the kernel's manual shows of `struct sock_filter`.
    expect(encodeProgram(program).toString('hex')).toBe(
      '300000000300000015000100070000000600000000000000' + '0600000001000000',
    );
  });

  const many = (count: number): Line[] => Array.from({ length: count }, () => give(0));

  it.each<[string, readonly Line[], RegExp]>([
    ['nothing', [], /1 to 4096/],
    ['too much', many(MAX_INSTRUCTIONS + 1), /1 to 4096/],
    ['a name that is missing', [jump('there'), give(0)], /no there/],
    ['a jump without a name', [{ code: BPF.JUMP, k: 0 }, give(0)], /there is no {2}to jump to/],
    ['a name that is given twice', [label('a'), give(0), label('a'), give(0)], /twice/],
    ['a jump back', [label('a'), give(0), jump('a'), give(0)], /behind/],
    ['a jump to the end', [jump('a'), give(0), label('a')], /no instruction follows/],
    [
      'a condition that leads too far',
      [branch(BPF.JUMP_IF_EQUAL, 1, 'a'), ...many(256), label('a'), give(0)],
      /256/,
    ],
    ['no return at the end', [load(BPF.LOAD_BYTE)], /ends with a return/],
    ['an operand of 33 bits', [give(2 ** 32)], /32-bit/],
    ['an operand below zero', [give(-1)], /32-bit/],
    ['half an operand', [give(0.5)], /32-bit/],
    ['an instruction that there is not', [{ code: 0xff, k: 0 }, give(0)], /no instruction/],
  ])('refuses %s', (_, lines, message) => {
    expect(() => assemble(lines)).toThrow(message);
  });

  it('jumps as far as may be', () => {
    expect(run([branch(BPF.JUMP_IF_EQUAL, 0, 'a'), ...many(255), label('a'), give(9)], [])).toBe(9);
    expect(run([jump('a'), ...many(4000), label('a'), give(9)], [])).toBe(9);
  });
});

describe('interpret', () => {
  it.each<[string, readonly Line[], readonly number[], number]>([
    [
      'a byte',
      [load(BPF.LOAD_BYTE, 1), branch(BPF.JUMP_IF_EQUAL, 2, 'y'), give(0), label('y'), give(1)],
      [1, 2],
      1,
    ],
    [
      'half a word',
      [load(BPF.LOAD_HALF), branch(BPF.JUMP_IF_EQUAL, 258, 'y'), give(0), label('y'), give(1)],
      [1, 2],
      1,
    ],
    [
      'a word',
      [load(BPF.LOAD_WORD), branch(BPF.JUMP_IF_EQUAL, 0xff000001, 'y'), give(0), label('y'), give(1)],
      [255, 0, 0, 1],
      1,
    ],
    ['a word past the end', [load(BPF.LOAD_WORD), give(1)], [1, 2, 3], 0],
    [
      'the length',
      [load(BPF.LOAD_PACKET_LENGTH), branch(BPF.JUMP_IF_GREATER, 2, 'y'), give(0), label('y'), give(1)],
      [1, 2],
      0,
    ],
    [
      'not less',
      [load(BPF.LOAD_PACKET_LENGTH), branch(BPF.JUMP_IF_NOT_LESS, 2, 'y'), give(0), label('y'), give(1)],
      [1, 2],
      1,
    ],
    [
      'a bit',
      [load(BPF.LOAD_WORD), branch(BPF.JUMP_IF_ANY_BIT, 0x80000000, 'y'), give(0), label('y'), give(1)],
      [128, 0, 0, 0],
      1,
    ],
    [
      'a mask',
      [
        load(BPF.LOAD_WORD),
        and(0xf0000000),
        branch(BPF.JUMP_IF_EQUAL, 0xf0000000, 'y'),
        give(0),
        label('y'),
        give(1),
      ],
      [255, 0, 0, 0],
      1,
    ],
    [
      'what stands behind a header',
      [
        load(BPF.LOAD_HEADER_LENGTH),
        load(BPF.LOAD_BYTE_AT_X, 0),
        branch(BPF.JUMP_IF_EQUAL, 9, 'y'),
        give(0),
        label('y'),
        give(1),
      ],
      [0x41, 0, 0, 0, 9],
      1,
    ],
    ['a header past the end', [load(BPF.LOAD_HEADER_LENGTH, 4), give(1)], [0x41, 0, 0, 0], 0],
    [
      'half a word behind a header',
      [
        load(BPF.LOAD_HEADER_LENGTH),
        load(BPF.LOAD_HALF_AT_X, 1),
        branch(BPF.JUMP_IF_EQUAL, 258, 'y'),
        give(0),
        label('y'),
        give(1),
      ],
      [0x41, 0, 0, 0, 9, 1, 2],
      1,
    ],
  ])('reads %s', (_, lines, bytes, value) => {
    expect(run(lines, bytes)).toBe(value);
  });

  it('does not run past a program that does not end', () => {
    expect(() =>
      interpret([{ code: BPF.LOAD_BYTE, jt: 0, jf: 0, k: 0 }], packetData(Buffer.alloc(1))),
    ).toThrow('no return');
    expect(() => interpret([{ code: 0xff, jt: 0, jf: 0, k: 0 }], packetData(Buffer.alloc(1)))).toThrow(
      'no instruction',
    );
  });
});
