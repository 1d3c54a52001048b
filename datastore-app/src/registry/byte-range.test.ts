// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseByteRange, receivedRange } from './byte-range.ts';

it.each([
  ['0-0', { first: 0, last: 0 }],
  ['0-1023', { first: 0, last: 1023 }],
  ['1024-2047', { first: 1024, last: 2047 }],
  ['00-01', { first: 0, last: 1 }],
  ['999999999999999-999999999999999', { first: 999_999_999_999_999, last: 999_999_999_999_999 }],
  ['1-0', undefined],
  ['', undefined],
  ['-', undefined],
  ['0-', undefined],
  ['-1', undefined],
  ['0', undefined],
  ['0-1-2', undefined],
  ['bytes 0-1/2', undefined],
  ['bytes=0-1', undefined],
  [' 0-1', undefined],
  ['0-1\n', undefined],
  ['0x0-0x1', undefined],
  ['1e3-2e3', undefined],
  ['0-9999999999999999', undefined],
])('reads %j', (text, range) => {
  expect(parseByteRange(text)).toEqual(range);
});

it.each([
  [0, '0-0'],
  [1, '0-0'],
  [2, '0-1'],
  [1024, '0-1023'],
])('says of %d bytes %s', (receivedBytes, range) => {
  expect(receivedRange(receivedBytes)).toBe(range);
});
