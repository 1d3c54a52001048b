// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { RestartPolicy } from '../engine/container-spec.ts';
import { countedEnds, planRestart } from './restart-plan.ts';

const CRASH = { exitCode: 137, why: 'it crashed' };
const OFF = { exitCode: 0, why: 'it went off' };
const times = (count: number) => Array.from({ length: count }, (_, index) => index * 1000);

describe('what is done about a machine that has ended', () => {
  it.each<[RestartPolicy['Name'], typeof CRASH, string]>([
    ['no', CRASH, 'stay'],
    ['', CRASH, 'stay'],
    ['on-failure', CRASH, 'restart'],
    ['on-failure', OFF, 'stay'],
    ['unless-stopped', CRASH, 'restart'],
    ['unless-stopped', OFF, 'restart'],
    ['always', OFF, 'restart'],
  ])('by the policy "%s", %j: %s', (Name, end, kind) => {
    expect(planRestart({ Name }, end, [0], 0).kind).toBe(kind);
  });

  it('the pause grows, and has an end', () => {
    const pauses = times(6).map((_, index) =>
      planRestart({ Name: 'always' }, CRASH, times(index + 1), index),
    );
    expect(pauses).toEqual([
      ...[1000, 2000, 4000, 8000, 16_000].map((afterMs) => ({ kind: 'restart', afterMs })),
      { kind: 'give-up', why: 'it ended 6 times within 10 minutes: it crashed' },
    ]);
  });

  it('so many tries as the policy has', () => {
    const policy = { Name: 'on-failure', MaximumRetryCount: 2 } as const;
    expect(planRestart(policy, CRASH, times(2), 1).kind).toBe('restart');
    expect(planRestart(policy, CRASH, times(3), 2)).toEqual({
      ...{ kind: 'give-up', why: 'it is not started again after 2 restarts: it crashed' },
    });
    expect(planRestart({ ...policy, MaximumRetryCount: 0 }, CRASH, times(5), 5).kind).toBe('restart');
  });

  it('what was long ago counts no more', () => {
    expect(countedEnds([0, 1000, 600_500], 600_999)).toEqual([1000, 600_500]);
    expect(countedEnds([0, 1000], 601_000)).toEqual([]);
  });
});
