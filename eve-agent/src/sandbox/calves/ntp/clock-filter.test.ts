// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { filterSamples, shiftSample } from './clock-filter.ts';
import type { Sample } from './judge-reply.ts';

const sample = (fields: Partial<Sample> = {}): Sample => ({
  ...{ offsetMs: 0, delayMs: 1, dispersionMs: 0, atMs: 0 },
  ...fields,
});
const full = (fields: (index: number) => Partial<Sample>) =>
  Array.from({ length: 8 }, (_, index) => sample(fields(index)));

test('eight samples are kept, the newest first', () => {
  let samples: readonly Sample[] = [];
  for (let atMs = 0; atMs < 20; atMs += 1) samples = shiftSample(samples, sample({ atMs }));
  expect(samples.map(({ atMs }) => atMs)).toEqual([19, 18, 17, 16, 15, 14, 13, 12]);
});

test('no sample says nothing', () => {
  expect(filterSamples([], 0, 0.001)).toBeNull();
});

describe('the best sample', () => {
  test('is that of the least delay', () => {
    const samples = full((index) => ({ offsetMs: index, delayMs: index === 5 ? 1 : 50 }));
    expect(filterSamples(samples, 0, 0.001)).toMatchObject({ offsetMs: 5, delayMs: 1 });
  });
  test('is the newer one where age says more than delay', () => {
    // 15 ppm of 400 s are 6 ms, half the delay's difference is 1 ms.
    const samples = [sample({ offsetMs: 1, delayMs: 4, atMs: 400_000 }), sample({ offsetMs: 2, delayMs: 2 })];
    expect(filterSamples(samples, 400_000, 0.001)).toMatchObject({ offsetMs: 1, atMs: 400_000 });
  });
  test('is the older one where delay says more than age', () => {
    const samples = [
      sample({ offsetMs: 1, delayMs: 90, atMs: 400_000 }),
      sample({ offsetMs: 2, delayMs: 2 }),
    ];
    expect(filterSamples(samples, 400_000, 0.001)).toMatchObject({ offsetMs: 2, atMs: 0 });
  });
});

describe('dispersion', () => {
  test.each([
    [1, 16_000 * (1 - 1 / 256 - 1 / 2)],
    [2, 16_000 * (1 - 1 / 256 - 3 / 4)],
    [4, 16_000 * (1 - 1 / 256 - 15 / 16)],
    [5, 16_000 * (1 - 1 / 256 - 31 / 32)],
    [8, 0],
  ])('of %i samples counts those that are not there', (count, dispersionMs) => {
    const filtered = filterSamples(full(() => ({})).slice(0, count), 0, 0.001);
    expect(filtered?.dispersionMs).toBeCloseTo(dispersionMs, 9);
  });
  test('grows by 15 parts of a million', () => {
    expect(
      filterSamples(
        full(() => ({})),
        1_000_000,
        0.001,
      )?.dispersionMs,
    ).toBeCloseTo(15 * (255 / 256), 9);
  });
  test('is never more than the greatest', () => {
    const filtered = filterSamples(
      full(() => ({ dispersionMs: 1e9 })),
      1e12,
      0.001,
    );
    expect(filtered?.dispersionMs).toBeCloseTo(16_000 * (255 / 256), 9);
  });
});

describe('jitter', () => {
  test('is how far the others are from the best', () => {
    const samples = full((index) => ({ offsetMs: index % 2, delayMs: index === 0 ? 1 : 2 }));
    expect(filterSamples(samples, 0, 0.001)?.jitterMs).toBeCloseTo(Math.sqrt(4 / 7), 9);
  });
  test.each([1, 8])('of %i samples that agree is the precision', (count) => {
    expect(filterSamples(full(() => ({})).slice(0, count), 0, 0.25)?.jitterMs).toBe(0.25);
  });
});
