// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { runTogether } from './run-together.ts';

const untilStopped = (signal: AbortSignal, told: string[]) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      told.push('stopped');
      resolve();
    });
  });

it('ends with the last of its parts', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let hasEnded = false;
  const running = runTogether([Promise.resolve(), promise], () => {}).then(() => {
    hasEnded = true;
  });
  await Promise.resolve();
  expect(hasEnded).toBe(false);
  resolve();
  await running;
});

it('ends the others before it throws what one of them did', async () => {
  const stop = new AbortController();
  const told: string[] = [];
  const parts = [untilStopped(stop.signal, told), Promise.reject(new Error('the first'))];
  await expect(runTogether(parts, () => stop.abort())).rejects.toThrow('the first');
  expect(told).toEqual(['stopped']);
});
