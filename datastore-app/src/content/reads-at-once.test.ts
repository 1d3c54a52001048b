// SPDX-License-Identifier: Apache-2.0
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { decideReadsAtOnce, readsAtOnceOf } from './reads-at-once.ts';

it.each([
  [true, 1, 1],
  [true, 64, 1],
  [false, 1, 2],
  [false, 2, 2],
  [false, 4, 3],
  [false, 64, 4],
  [undefined, 1, 2],
  [undefined, 64, 2],
])('of a disk that turns (%s), with %i processors: %i', (isRotational, processors, expected) => {
  expect(decideReadsAtOnce(isRotational, processors)).toBe(expected);
});

it('finds a number for any folder', async () => {
  expect(await readsAtOnceOf(tmpdir())).toBeGreaterThan(0);
  expect(await readsAtOnceOf('/proc')).toBe(2);
});
