// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { takenBytes } from './taken-bytes.ts';

const image = (sizeBytes: number, inode: bigint, device = 1n) => ({
  version: { sizeBytes, inode, device, mtimeNs: 0n, ctimeNs: 0n },
});

const IMAGES = new Map([
  ['a', image(100, 1n)],
  ['b', image(20, 2n)],
  ['second name of b', image(20, 2n)],
  ['of another file system', image(3, 2n, 2n)],
]);

it.each([
  ['none', [], 123],
  ['one', ['a'], 23],
  ['one that is not there', ['c'], 123],
  ['one of two names: its content stays', ['b'], 123],
  ['both names', ['b', 'second name of b'], 103],
])('counts a file once, without those that give way: %s', (_what, replaced, expected) => {
  expect(takenBytes(IMAGES, new Set(replaced))).toBe(expected);
});
