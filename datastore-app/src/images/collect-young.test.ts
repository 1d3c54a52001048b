import { constants, PerformanceObserver } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { collectYoung } from './collect-young.ts';

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
