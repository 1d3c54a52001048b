// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { expect, it } from 'vitest';
import { measureGap } from './gap-meter.ts';

async function measure(answers: string) {
  const clock = createManualClock();
  let at = 0;
  const end = measureGap(clock, async () => {
    const answer = answers[at] ?? '.';
    at += 1;
    return answer === '.' ? null : 'refused';
  });
  for (let tick = 1; tick < answers.length; tick += 1) {
    await turn();
    clock.advance(5);
  }
  await turn();
  return await end();
}

it.each([
  ['....', { longestSilenceMs: 0, asked: 4, failed: 0 }],
  ['.xx.', { longestSilenceMs: 15, asked: 4, failed: 2 }],
  ['.x..xx..', { longestSilenceMs: 15, asked: 8, failed: 3 }],
  // It has not come back.
  ['.xx', { longestSilenceMs: 10, asked: 3, failed: 2 }],
  // It was not there from the beginning.
  ['xx.', { longestSilenceMs: 10, asked: 3, failed: 2 }],
])('of %s', async (answers, gap) => {
  expect(await measure(answers)).toEqual(gap);
});
