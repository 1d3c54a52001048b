// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createInTurn } from './in-turn.ts';

it('begins a piece of work when those before have ended, well or not', async () => {
  const inTurn = createInTurn();
  const events: string[] = [];
  const work = (name: string, error?: Error) => async () => {
    events.push(`+${name}`);
    await new Promise((resolve) => setImmediate(resolve));
    events.push(`-${name}`);
    if (error !== undefined) throw error;
    return name;
  };
  const done = [inTurn(work('a')), inTurn(work('b', new Error('why'))), inTurn(work('c'))];
  expect(await Promise.allSettled(done)).toMatchObject([
    { value: 'a' },
    { reason: { message: 'why' } },
    { value: 'c' },
  ]);
  expect(events).toEqual(['+a', '-a', '+b', '-b', '+c', '-c']);
});
