// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { checksumLine, parseChecksumList } from './checksum-list.ts';

const A = 'a1'.repeat(32);
const B = 'b2'.repeat(32);
const parse = (text: string) => [...parseChecksumList(Buffer.from(text))];

it.each([
  ['', []],
  [`${A}  a.img\n`, [['a.img', A]]],
  [
    `${A} *a.img\n${B}  b c/d.img`,
    [
      ['a.img', A],
      ['b c/d.img', B],
    ],
  ],
  [`${A.toUpperCase()}  ./a.img\n\n`, [['a.img', A]]],
  [`\ufeff${A}  a.img\r\n\r\n`, [['a.img', A]]],
  [`${A}  .//./a.img\n`, [['a.img', A]]],
  [
    checksumLine(A, 'ä.img') + checksumLine(B, ' b'),
    [
      ['ä.img', A],
      [' b', B],
    ],
  ],
])('reads %j', (text, expected) => expect(parse(text)).toEqual(expected));

it.each([
  [`${A} a.img\n`, 'line 1'],
  [`${A}  \n`, 'line 1'],
  [`${A}  ./\n`, 'line 1'],
  [`${A.slice(1)}  a.img\n`, 'line 1'],
  [`SHA256 (a.img) = ${A}\n`, 'line 1'],
  [`${A}  a.img\n# a comment\n`, 'line 2'],
  [`${A}  a.img\n${B}  ./a.img\n`, 'line 2: "a.img" is listed twice'],
  [`\\${A}  a\\\\b\n`, 'backslash'],
])('refuses %j', (text, message) => expect(() => parse(text)).toThrow(message));

it('refuses what is no text', () => {
  expect(() => parseChecksumList(Buffer.from([0xff, 0xfe, 0]))).toThrow('not UTF-8');
});
