// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createRing } from './ring.ts';

it('keeps the last so many, newest first', () => {
  const ring = createRing<number>(3);
  expect(ring.list()).toEqual([]);
  ring.add(1);
  ring.add(2);
  expect(ring.list()).toEqual([2, 1]);
  ring.add(3);
  ring.add(4);
  ring.add(5);
  expect(ring.list()).toEqual([5, 4, 3]);
});
