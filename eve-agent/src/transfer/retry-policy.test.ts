// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decideRetryDelayMs } from './retry-policy.ts';

const limits = { maxFailures: 6, maxDelayMs: 10_000 };

describe('decideRetryDelayMs', () => {
  it('doubles up to the limit, then gives up', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7].map((failures) => decideRetryDelayMs(failures, limits, 0));
    expect(delays).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000, null]);
  });

  it('shaves off up to a half', () => {
    expect(decideRetryDelayMs(2, limits, 1)).toBe(1000);
    expect(decideRetryDelayMs(2, limits, 0.5)).toBe(1500);
  });

  it('waits as long as the server asks', () => {
    expect(decideRetryDelayMs(1, limits, 0, 7000)).toBe(7000);
    expect(decideRetryDelayMs(4, limits, 0, 7000)).toBe(8000);
  });
});
