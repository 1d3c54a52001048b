// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { wrapWords } from './wrap-words.ts';

it.each<[string, number, string, string[]]>([
  ['', 10, '', []],
  ['fits here', 10, '', ['fits here']],
  ['one two three', 7, '', ['one two', 'three']],
  ['one two three', 7, '  ', ['one two', '  three']],
  ['a /path/that/is/too/long b', 10, '', ['a', '/path/that/is/too/long', 'b']],
  ['漢字 漢字 x', 6, '', ['漢字', '漢字 x']],
])('%j in %i cells', (text, columns, indent, lines) => {
  expect(wrapWords(text, columns, indent)).toEqual(lines);
});
