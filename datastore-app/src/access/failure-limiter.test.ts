// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';
import { createFailureLimiter } from './failure-limiter.ts';

function setUp() {
  let nowMs = 1_000_000;
  const limiter = createFailureLimiter({ now: () => nowMs });
  return {
    limiter,
    pass(ms: number) {
      nowMs += ms;
    },
    fail(times: number, client = 'a') {
      for (let count = 0; count < times; count += 1) limiter.fail(client);
    },
  };
}

it('lets a person mistype, then waits longer and longer, up to a minute', () => {
  const { limiter, pass, fail } = setUp();
  fail(4);
  expect(limiter.waitMs('a')).toBe(0);
  const waits: number[] = [];
  for (let count = 0; count < 8; count += 1) {
    fail(1);
    waits.push(limiter.waitMs('a'));
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  pass(59_999);
  expect(limiter.waitMs('a')).toBe(1);
  pass(1);
  expect(limiter.waitMs('a')).toBe(0);
  fail(2000);
  expect(limiter.waitMs('a')).toBe(60_000);
});

it('tells clients apart', () => {
  const { limiter, fail } = setUp();
  fail(6);
  expect(limiter.waitMs('b')).toBe(0);
});

it('forgets who succeeded, and who has not failed for long', () => {
  const { limiter, pass, fail } = setUp();
  fail(6);
  limiter.forget('a');
  expect(limiter.waitMs('a')).toBe(0);
  fail(6);
  pass(600_000);
  fail(4);
  expect(limiter.waitMs('a')).toBe(0);
});

it('remembers so many and no more', () => {
  const { limiter, fail } = setUp();
  fail(6, 'first');
  fail(6, 'second');
  for (let count = 0; count < 4095; count += 1) fail(1, `client ${count}`);
  expect(limiter.waitMs('first')).toBe(0);
  expect(limiter.waitMs('second')).toBeGreaterThan(0);
});

it('does not make a client wait for a clock that was set back', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    const limiter = createFailureLimiter();
    for (let count = 0; count < 6; count += 1) limiter.fail('a');
    vi.setSystemTime(Date.now() - 3_600_000);
    expect(limiter.waitMs('a')).toBeLessThanOrEqual(2000);
  } finally {
    vi.useRealTimers();
  }
});
