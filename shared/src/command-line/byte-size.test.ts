// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { byteSize } from './byte-size.ts';

it.each([
  ['0', 0],
  ['4096', 4096],
  ['1k', 1024],
  ['512M', 512 * 1024 ** 2],
  ['20 GiB', 20 * 1024 ** 3],
  ['3TB', 3 * 1024 ** 4],
])('reads %s', (text, bytes) => {
  expect(byteSize().parse(text)).toBe(bytes);
});

it.each(['', '-1', '1.5G', '10P', '1e9', 'G', '0x10', '999999999999999T', 12])('refuses %j', (text) => {
  expect(byteSize().safeParse(text).error?.issues[0]?.message).toBe(
    'a size expected, such as 4096, 512M or 20G',
  );
});
