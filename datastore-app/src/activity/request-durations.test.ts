// SPDX-License-Identifier: Apache-2.0
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { registerDurations } from './request-durations.ts';

const OPTIONS = { name: 'durations_seconds', help: 'How long.', buckets: [0.005, 0.5, 2] };

it('is shown as a histogram of prom-client', async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const note = registerDurations(ours, OPTIONS);
  const histogram = new Histogram({ ...OPTIONS, labelNames: ['kind'], registers: [theirs] });
  expect(await ours.metrics()).toBe(await theirs.metrics());
  // At a bound, between bounds, beyond all.
  for (const [kind, seconds] of [
    ['image', 0],
    ['image', 0.005],
    ['own', 0.0051],
    ['image', 2],
    ['image', 2.25],
    ['own', 1000],
  ] as const) {
    note(kind, seconds);
    histogram.observe({ kind }, seconds);
  }
  expect(await ours.metrics()).toBe(await theirs.metrics());
  expect(await ours.getMetricsAsJSON()).toMatchObject([{ name: OPTIONS.name, type: 'histogram' }]);
});
