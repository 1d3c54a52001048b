// SPDX-License-Identifier: Apache-2.0
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { expect, it } from 'vitest';
import { createTokenBucket } from './token-bucket.ts';

it('lets so many through at once, then one after another', () => {
  const clock = createManualClock();
  const bucket = createTokenBucket(clock, 10);
  expect(Array.from({ length: 10 }, () => bucket.take())).toEqual(Array.from({ length: 10 }, () => 0));
  expect(bucket.take()).toBe(100);
  clock.advance(60);
  expect(bucket.take()).toBe(40);
  clock.advance(40);
  expect(bucket.take()).toBe(0);
  expect(bucket.take()).toBe(100);
});

it('saves up no more than a second', () => {
  const clock = createManualClock();
  const bucket = createTokenBucket(clock, 3);
  clock.advance(3_600_000);
  expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 0, 334]);
});

it('lets pass what waited as long as it was told', () => {
  const clock = createManualClock();
  const bucket = createTokenBucket(clock, 256);
  let passed = 0;
  while (clock.nowMs() < 10_000) {
    const waitMs = bucket.take();
    if (waitMs === 0) passed += 1;
    else clock.advance(waitMs);
  }
  expect(passed).toBeGreaterThanOrEqual(256 * 10);
  expect(passed).toBeLessThanOrEqual(256 * 11);
});

it('lets nobody through for as long as one was more work', () => {
  const clock = createManualClock();
  const bucket = createTokenBucket(clock, 10);
  expect(bucket.take()).toBe(0);
  bucket.charge(14);
  expect(bucket.take()).toBe(600);
  clock.advance(600);
  expect([bucket.take(), bucket.take()]).toEqual([0, 100]);
});
