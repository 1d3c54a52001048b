// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { takenCodings } from './answer-site.ts';

it.each([
  [undefined, []],
  ['gzip, deflate, BR', ['gzip', 'deflate', 'br']],
  ['br;q=0, gzip;q=0.1', ['gzip']],
  ['br; q=0.000', []],
])('of %j takes %j', (header, codings) => {
  expect([...takenCodings(header)].filter((coding) => coding !== '')).toEqual(codings);
});
