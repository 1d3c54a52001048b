// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { closestTo } from './edit-distance.ts';

it.each([
  ['prot', 'port'],
  ['hostname', 'host-name'],
  ['port', 'port'],
  ['colour', undefined],
  ['', undefined],
])('takes %j for %j', (word, meant) => {
  expect(closestTo(word, ['host-name', 'port', 'root'])).toBe(meant);
});
