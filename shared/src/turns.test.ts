// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createTurns } from './turns.ts';

it('does one after another, also behind one that fails', async () => {
  const turns = createTurns();
  const done: string[] = [];
  const first = turns.take(async () => {
    await turn();
    done.push('first');
    throw new Error('it failed');
  });
  const second = turns.take(async () => done.push('second'));
  await expect(first).rejects.toThrow('it failed');
  expect(await second).toBe(2);
  expect(done).toEqual(['first', 'second']);
});

it('tells when all is done that was asked for, whatever came of it', async () => {
  const turns = createTurns();
  let isDone = false;
  turns
    .take(async () => {
      await turn();
      isDone = true;
      throw new Error('it failed');
    })
    .catch(() => {});
  await turns.settled();
  expect(isDone).toBe(true);
});
