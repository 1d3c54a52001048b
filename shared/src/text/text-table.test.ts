// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { tableText } from './text-table.ts';

const HEADINGS = ['NAME', 'SIZE', 'STATE'];
const ROWS = [
  { cells: ['漢字', '7', 'x'] },
  { cells: ['disk', '10', ''], notes: ['no answer from the one that has it', 'tries again'] },
];
const WIDE = `NAME  SIZE  STATE
漢字     7  x
disk    10
    no answer from the one that has it
    tries again
`;

describe('a table', () => {
  it('aligns columns by the cells that they take, numbers to the right, what is said of a row below it', () => {
    expect(tableText(HEADINGS, ROWS, { rightAligned: ['SIZE'] })).toBe(WIDE);
  });

  it.each([
    ['just as wide as its lines', 38, WIDE],
    [
      'too narrow for a sentence: it goes on below',
      20,
      `NAME  SIZE  STATE
漢字     7  x
disk    10
    no answer from
    the one that has
    it
    tries again
`,
    ],
    [
      'too narrow for a row: each stands by itself',
      16,
      `漢字
    size 7
    state x
disk
    size 10
    no answer
    from the one
    that has it
    tries again
`,
    ],
  ])('on a terminal %s', (_, columns, text) => {
    expect(tableText(HEADINGS, ROWS, { rightAligned: ['SIZE'], columns })).toBe(text);
  });

  it('puts of a row that stands by itself beside each other what has room, and leaves out what is not there', () => {
    const headings = ['NAME', 'STATE', 'IMAGE', 'SIZE'];
    const rows = [{ cells: ['a', 'RUNNING', '-', '1 MiB'] }, { cells: ['b', 'HALTED', 'x'.repeat(40), ''] }];
    expect(tableText(headings, rows, { columns: 40 })).toBe(
      `a\n    state RUNNING  size 1 MiB\nb\n    state HALTED\n    image ${'x'.repeat(40)}\n`,
    );
  });
});
