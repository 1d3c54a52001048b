// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest';
import { type Actual, createActual, type OriginState, originStateOf, sourceStateOf } from './actual.ts';
import { adoptDesired } from './adopt-desired.ts';
import type { Desired } from './desired.ts';
import type { Source } from './source.ts';
import { datastoreIdOf, datastoreOf, desiredOf, sha256Of, treeOf, uuidOf } from './test-fixtures.ts';
import { wakeOrigin } from './wake.ts';
import { WakeBudget } from './wake-budget.ts';

const SCHEDULE = { steadyMs: 60_000, slowMs: 600_000 };

describe('how often announcements may end a waiting', () => {
  /** When the wakes are that come of announcements at these times, in seconds. */
  function wakesOf(seconds: readonly number[], budget = new WakeBudget()): number[] {
    const granted = seconds.map((second) => budget.grant(second * 1000, SCHEDULE));
    return granted.flatMap((atMs) => (atMs === null ? [] : [atMs / 1000]));
  }
  const every = (interval: number, until: number) =>
    Array.from({ length: until / interval }, (_, i) => i * interval);

  it.each([
    ['one', [0], [0]],
    ['three, as one announcement has', [0, 1, 3], [0, 3]],
    ['one start after another', [0, 10, 20, 30], [0, 10, 20, 30]],
    ['a fifth start, which has to wait', [0, 10, 20, 30, 40], [0, 10, 20, 30, 150]],
    ['more while that one waits', [0, 10, 20, 30, 40, 50, 149, 151], [0, 10, 20, 30, 150]],
    ['rare ones', [0, 700, 1400, 2100, 2800, 3500], [0, 700, 1400, 2100, 2800, 3500]],
    ['a clock that stands still', [0, 0, 0], [0]],
  ])('%s', (_, heard, woken) => {
    expect(wakesOf(heard)).toEqual(woken);
  });

  it.each([0.01, 1, 5, 30, 149])('is bounded where one comes every %d s', (interval) => {
    const wakes = wakesOf(every(interval, 3600));
    expect(wakes.length).toBeLessThanOrEqual(4 + 3600 / 150);
    expect(wakes.length).toBeGreaterThanOrEqual(3600 / 150);
  });

  it('counts anew once something came of it, and takes nothing for one that was missing', () => {
    const budget = new WakeBudget();
    wakesOf([0, 10, 20, 30], budget);
    budget.refill();
    expect(wakesOf([40, 50, 60, 70, 80], budget)).toEqual([40, 50, 60, 70, 190]);
    const missing = new WakeBudget();
    const granted = every(1, 10).map((second) => missing.grant(second * 1000, SCHEDULE, true));
    expect(granted.filter((atMs) => atMs !== null).length).toBe(5);
  });
});

describe('a datastore that announces itself', () => {
  let actual: Actual;
  let desired: Desired;
  let origin: OriginState;
  const sourceAt = (index: number) => desired.trees.get(uuidOf(1))?.sources[index] as Source;
  const stateAt = (index: number) => {
    const content = actual.contents.get(sha256Of('content 1'));
    if (content === undefined) throw new Error('no content');
    return sourceStateOf(content, sourceAt(index).key);
  };
  const wake = (nowMs: number) =>
    wakeOrigin(actual, desired, origin, [sha256Of('content 1')], SCHEDULE, nowMs);

  beforeEach(() => {
    actual = createActual();
    desired = desiredOf(
      [treeOf(1, { dsIdsList: [datastoreIdOf(1), datastoreIdOf(2)] })],
      [datastoreOf(1), datastoreOf(2)],
    );
    adoptDesired(actual, desiredOf([]), desired, { nowMs: 0, wallMs: 0 });
    origin = originStateOf(actual, sourceAt(0));
    stateAt(1);
  });

  it.each([
    ['a 404', { failures: 0, mismatches: 0 }],
    ['used-up digests', { failures: 0, mismatches: 5 }],
    ['5xx', { failures: 7, mismatches: 0 }],
  ])('is asked at once after %s', (_, facts) => {
    Object.assign(stateAt(0), { ...facts, waitUntilMs: 900_000 });
    expect(wake(1000)).toBe(1000);
    expect(stateAt(0)).toMatchObject({ waitUntilMs: 1000, failures: 0, mismatches: facts.mismatches });
  });

  it('ends no waiting for another one that has the same file', () => {
    Object.assign(stateAt(0), { waitUntilMs: 5000 });
    Object.assign(stateAt(1), { waitUntilMs: 5000 });
    wake(1000);
    expect([stateAt(0).waitUntilMs, stateAt(1).waitUntilMs]).toEqual([1000, 5000]);
  });

  it('costs nothing while nothing waits for it', () => {
    for (let nowMs = 0; nowMs < 100_000; nowMs += 1000) expect(wake(nowMs)).toBe(null);
    stateAt(0).waitUntilMs = 200_000;
    expect(wake(100_000)).toBe(100_000);
  });

  it('is asked no more than so often where it announces itself every second and refuses each time', () => {
    let asked = 0;
    for (let nowMs = 0; nowMs < 3_600_000; nowMs += 1000) {
      const state = stateAt(0);
      if (state.waitUntilMs <= nowMs) {
        asked += 1;
        state.waitUntilMs = nowMs + 600_000;
      }
      wake(nowMs);
    }
    expect(asked).toBeLessThanOrEqual(1 + 4 + 3600 / 150);
  });
});
