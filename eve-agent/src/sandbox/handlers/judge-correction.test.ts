// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../../test/random.ts';
import type { OfferedCorrection } from '../keys/ntp-keys.ts';
import { type ClockPolicy, type ClockTrust, judgeCorrection, newTrust } from './judge-correction.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const BUILT = Date.parse('2026-11-01T00:00:00Z');
const NOW = Date.parse('2026-11-30T12:00:00Z');
const POLICY: ClockPolicy = { earliestUnixMs: BUILT, latestUnixMs: BUILT + 15 * YEAR };
const MONOTONIC = 100_000;

interface Scene {
  readonly wasRight?: boolean;
  /** What the clock shows. */
  readonly unixMs?: number;
  readonly policy?: Partial<ClockPolicy>;
  readonly trust?: Partial<ClockTrust>;
  readonly frequencyPpm?: number | null;
}

function judge(fields: Partial<OfferedCorrection>, scene: Scene = {}) {
  const { wasRight = true, unixMs = NOW, frequencyPpm = 0 } = scene;
  const offered: OfferedCorrection = {
    ...{ sequence: 1, offsetMs: 0, errorMs: 10, jitterMs: 1 },
    ...{ atMs: MONOTONIC - 5, wallBaseMs: unixMs - MONOTONIC },
    ...fields,
  };
  const trust = { ...newTrust(wasRight), ...scene.trust };
  const now = { monotonicMs: MONOTONIC, unixMs };
  return judgeCorrection(trust, offered, frequencyPpm, now, { ...POLICY, ...scene.policy });
}
const verdict = (fields: Partial<OfferedCorrection>, scene?: Scene) => {
  const { verdict: found } = judge(fields, scene);
  return found.kind === 'refuse' ? found.reason : found.kind;
};

describe('the first correction', () => {
  const first = { wasRight: false };
  test.each<[string, number, number, string]>([
    ['of a clock that is right', NOW, 0, 'slew'],
    ['of 128 ms', NOW, 128, 'slew'],
    ['of a little more', NOW, 128.1, 'step'],
    ['of a little more, back', NOW, -128.1, 'step'],
    ['from 1970', 0, NOW, 'step'],
    ['from when the program was built', BUILT, NOW - BUILT, 'step'],
    ['ten years on', NOW, 10 * YEAR, 'step'],
    ['to the last moment that can be', NOW, POLICY.latestUnixMs - NOW, 'step'],
    ['beyond it', NOW, POLICY.latestUnixMs - NOW + 1, 'impossible-time'],
    ['an hour back: a clock with local time', NOW, -HOUR, 'step'],
    ['a day back', NOW, -DAY, 'step'],
    ['more than a day back', NOW, -DAY - 1, 'backward'],
    ['to before the program was built', NOW, BUILT - NOW - 1, 'impossible-time'],
    [
      'back to now, from a time that cannot be',
      POLICY.latestUnixMs + YEAR,
      NOW - POLICY.latestUnixMs - YEAR,
      'step',
    ],
    ['on, from a time that cannot be, to one that cannot', 0, YEAR, 'impossible-time'],
  ])('%s', (_, unixMs, offsetMs, expected) => {
    expect(verdict({ offsetMs }, { ...first, unixMs })).toBe(expected);
  });

  test('may go back as far as it is allowed to', () => {
    const policy = { maxBackwardMs: 20 * DAY };
    expect(verdict({ offsetMs: -20 * DAY }, { ...first, policy })).toBe('step');
    expect(verdict({ offsetMs: -20 * DAY - 1 }, { ...first, policy })).toBe('backward');
  });

  test.each([10, 10 * YEAR])('of %d ms makes the clock right, and what follows is bounded', (offsetMs) => {
    const { trust } = judge({ offsetMs }, first);
    expect(trust.wasRight).toBe(true);
    const unixMs = NOW + offsetMs;
    const next = { sequence: 2, atMs: MONOTONIC - 5 };
    const after = { unixMs, trust: { ...trust, lastMs: MONOTONIC - SECOND } };
    expect(verdict({ ...next, offsetMs: YEAR }, after)).toBe('panic');
  });

  test('that is refused leaves it the first', () => {
    const { trust } = judge({ offsetMs: -YEAR }, { ...first, unixMs: NOW + YEAR });
    expect(trust).toMatchObject({ wasRight: false, lastSequence: 1 });
  });
});

describe('a clock that was right', () => {
  test.each<[number, string]>([
    [0, 'slew'],
    [128, 'slew'],
    [-128, 'slew'],
    [129, 'step'],
    [-129, 'step'],
    [999_999, 'step'],
    [-999_999, 'step'],
    [1_000_000, 'panic'],
    [-1_000_000, 'panic'],
    [10 * YEAR, 'panic'],
  ])('%d ms off: %s', (offsetMs, expected) => {
    expect(verdict({ offsetMs })).toBe(expected);
  });

  test('is stepped as long as the steps together are bounded', () => {
    const { trust } = judge({ offsetMs: 600_000 });
    const unixMs = NOW + 600_000;
    const next = (offsetMs: number, laterMs: number) =>
      verdict({ sequence: 2, offsetMs }, { unixMs, trust: { ...trust, lastMs: MONOTONIC - laterMs } });
    expect(next(-500_000, SECOND)).toBe('steps');
    expect(next(-399_000, SECOND)).toBe('step');
    expect(next(100, SECOND)).toBe('slew');
    // Two weeks later there is more.
    expect(next(-500_000, 14 * DAY)).toBe('step');
  });
});

describe('what is refused', () => {
  test.each<[string, Partial<OfferedCorrection>, Scene, string]>([
    ['measured in the future', { atMs: MONOTONIC + 1 }, {}, 'stale'],
    ['measured too long ago', { atMs: MONOTONIC - 10_001 }, {}, 'stale'],
    ['measured before the clock was set', { wallBaseMs: NOW - MONOTONIC - 100 }, {}, 'stale'],
    ['sure to 2 s', { errorMs: 2001 }, {}, 'uncertain'],
    ['an error below zero', { errorMs: -1 }, {}, 'malformed'],
    ['jitter below zero', { jitterMs: -1 }, {}, 'malformed'],
    ['500.1 ppm', {}, { frequencyPpm: 500.1 }, 'frequency'],
    ['-500.1 ppm', {}, { frequencyPpm: -500.1 }, 'frequency'],
    ['no frequency', {}, { frequencyPpm: null }, 'malformed'],
    ['right after another', {}, { trust: { lastMs: MONOTONIC - 499 } }, 'too-often'],
    ['the same again', { sequence: 5 }, { trust: { lastSequence: 5 } }, 'ignore'],
    ['one of before', { sequence: 4 }, { trust: { lastSequence: 5 } }, 'ignore'],
  ])('%s', (_, fields, scene, expected) => {
    expect(verdict(fields, scene)).toBe(expected);
    expect(verdict(fields, { ...scene, wasRight: false })).toBe(expected);
  });

  test('no correction at all', () => {
    const now = { monotonicMs: MONOTONIC, unixMs: NOW };
    const trust = newTrust(false);
    const refused = { trust, verdict: { kind: 'refuse', reason: 'malformed' } };
    expect(judgeCorrection(trust, null, 0, now, POLICY)).toEqual(refused);
  });

  test.each([500, -500])('not %d ppm', (frequencyPpm) => {
    expect(judge({}, { frequencyPpm }).verdict).toMatchObject({ kind: 'slew', frequencyPpm });
  });
});

describe('a calf that was taken over', () => {
  test('moves a clock that was right by no more than 1,000 s in 30 days by steps, whatever it says', () => {
    const random = createRandom(1000);
    for (let run = 0; run < 20; run += 1) {
      let trust = newTrust(true);
      let monotonicMs = 0;
      let unixMs = NOW;
      let steppedMs = 0;
      let movedMs = 0;
      const always = random.pick([1, -1, 0]);
      for (let sequence = 1; sequence <= 3000; sequence += 1) {
        monotonicMs += random.integer(100, 20 * 60 * SECOND);
        const sign = always === 0 ? random.pick([1, -1]) : always;
        const sizeMs = random.pick([
          100,
          127,
          1000,
          50_000,
          999_999,
          1e9,
          trust.budgetMs,
          trust.budgetMs / 2,
        ]);
        const offered: OfferedCorrection = {
          ...{ sequence, offsetMs: sign * sizeMs, errorMs: 0, jitterMs: 0 },
          ...{ atMs: monotonicMs, wallBaseMs: unixMs + monotonicMs - monotonicMs - monotonicMs },
        };
        const judged = judgeCorrection(trust, offered, 0, { monotonicMs, unixMs }, POLICY);
        ({ trust } = judged);
        if (judged.verdict.kind !== 'step') continue;
        steppedMs += Math.abs(judged.verdict.byMs);
        movedMs += judged.verdict.byMs;
        unixMs += judged.verdict.byMs;
      }
      const allowedMs = 1_000_000 * (1 + monotonicMs / (30 * DAY));
      expect(steppedMs).toBeGreaterThan(900_000);
      expect(steppedMs).toBeLessThanOrEqual(allowedMs);
      expect(Math.abs(movedMs)).toBeLessThanOrEqual(allowedMs);
    }
  });
});
