// SPDX-License-Identifier: Apache-2.0
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { collectAll, collectYoung } from './collect.ts';

it('collects the young space alone, and leaves the means to no one else', async () => {
  const collections: { kind?: number; flags?: number }[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) collections.push((entry as { detail?: object }).detail ?? {});
  });
  observer.observe({ entryTypes: ['gc'] });
  collectYoung();
  collectYoung();
  const forced = () =>
    collections
      .filter(({ flags = 0 }) => (flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0)
      .map(({ kind }) => kind);
  await expect
    .poll(forced)
    .toEqual([constants.NODE_PERFORMANCE_GC_MINOR, constants.NODE_PERFORMANCE_GC_MINOR]);
  observer.disconnect();
  expect(globalThis).not.toHaveProperty('gc');
});

it('frees all that nothing holds', async () => {
  const left = new WeakRef({ content: 'of a start' });
  // What was looked at in this turn is held until its end.
  await new Promise((resolve) => setImmediate(resolve));
  collectAll();
  expect(left.deref()).toBeUndefined();
});
