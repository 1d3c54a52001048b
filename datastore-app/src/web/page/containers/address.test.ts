// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { containersAddress, searchOfAddress } from './address.ts';

it.each(['linux/app 1.tar', 'ä%/#', ''])('finds %j again', (search) => {
  expect(searchOfAddress(containersAddress(search))).toBe(search);
});

it.each(['', '#containers', '#images', '#containers/%E0%A4%A'])('finds nothing in %j', (hash) => {
  expect(searchOfAddress(hash)).toBe('');
});
