// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { spread } from './spread.ts';

it.each([
  [0, 7500],
  [0.5, 10_000],
  [0.999, 12_495],
])('spreads a time by a quarter: %d', (random, ms) => expect(spread(10_000, random)).toBe(ms));
