// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createTransferRate } from './transfer-rate.ts';

it('tells the rate of the last five seconds', () => {
  const rate = createTransferRate();
  expect(rate.bytesPerSecond()).toBeUndefined();
  rate.note(0, 0);
  rate.note(100, 500);
  expect(rate.bytesPerSecond()).toBeUndefined();
  for (let second = 1; second <= 10; second += 1) rate.note(second * 1000, second * 1000);
  expect(rate.bytesPerSecond()).toBe(1000);
  for (let second = 11; second <= 20; second += 1) rate.note(10_000 + (second - 10) * 100, second * 1000);
  expect(rate.bytesPerSecond()).toBe(100);
});

it('begins anew after a pause, and is never negative', () => {
  const rate = createTransferRate();
  rate.note(1000, 0);
  rate.note(0, 2000);
  expect(rate.bytesPerSecond()).toBe(0);
  rate.reset();
  expect(rate.bytesPerSecond()).toBeUndefined();
});
