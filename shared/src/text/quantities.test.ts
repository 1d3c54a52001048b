// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { countText, sizeText } from './quantities.ts';

it.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [1023, '1023 bytes'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [1024 * 1024 - 1, '1 MiB'],
  [10 * 1024 ** 3, '10 GiB'],
  [123.4 * 1024 ** 2, '123 MiB'],
  [2 ** 60, '1024 PiB'],
])('sizeText: %d is %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

it.each([
  [0, '0 images', '0 entries'],
  [1, '1 image', '1 entry'],
  [2, '2 images', '2 entries'],
])('countText: %d', (count, images, entries) => {
  expect(countText(count, 'image')).toBe(images);
  expect(countText(count, 'entry', 'entries')).toBe(entries);
});
