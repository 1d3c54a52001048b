// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { matchName } from './name-match.ts';

const THINGS = [
  { id: 'AB12', name: 'web' },
  { id: 'ab34', name: 'web-2' },
  { id: 'cd56', name: 'twin' },
  { id: 'ef78', name: 'twin' },
  { id: '0012', name: 'cd56' },
];

it.each<[string, string | readonly string[]]>([
  ['ab12', 'AB12'],
  ['web', 'AB12'],
  ['web-', 'ab34'],
  ['AB3', 'ab34'],
  ['cd56', 'cd56'],
  ['0', '0012'],
  ['ab', ['AB12', 'ab34']],
  ['we', ['AB12', 'ab34']],
  ['twin', ['cd56', 'ef78']],
  ['', []],
  ['x', []],
])('%j means %j', (word, expected) => {
  const match = matchName(word, THINGS);
  const found =
    match.kind === 'one' ? match.found.id : match.kind === 'none' ? [] : match.found.map(({ id }) => id);
  expect(found).toEqual(expected);
});
