// SPDX-License-Identifier: Apache-2.0
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createWindowBudget } from './window-budget.ts';

it('gives what there is, in the order of those who wait', async () => {
  const budget = createWindowBudget(10);
  const came: string[] = [];
  const claim = (name: string, bytes: number) =>
    budget.claim(bytes).then((release) => {
      came.push(name);
      return release;
    });
  const first = await claim('first', 6);
  const second = await claim('second', 4);
  const large = claim('large', 100);
  const small = claim('small', 1);
  await nextTurn();
  expect(came).toEqual(['first', 'second']);
  second();
  second();
  await nextTurn();
  // What is small does not go past what waits before it.
  expect(came).toEqual(['first', 'second']);
  first();
  (await large)();
  expect(came).toEqual(['first', 'second', 'large']);
  (await small)();
  expect(came).toEqual(['first', 'second', 'large', 'small']);
});
