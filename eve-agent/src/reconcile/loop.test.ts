// SPDX-License-Identifier: Apache-2.0
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { expect, it } from 'vitest';
import { createLoop } from './loop.ts';

/** Work that is told what to do next, and when a step is done. */
function createWork() {
  const clock = createManualClock();
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const state = {
    passes: 0,
    steps: [] as string[],
    wakeAtMs: Number.POSITIVE_INFINITY,
    reason: undefined as unknown,
  };
  const loop = createLoop<string, { steps: string[] }>(clock, {
    plan() {
      state.passes += 1;
      return { steps: state.steps.splice(0) };
    },
    begun: () => state.wakeAtMs,
    runStep(step) {
      started.push(step);
      return new Promise((resolve) => ends.set(step, resolve));
    },
    stopSteps(reason) {
      state.reason = reason;
      for (const end of ends.values()) end();
    },
  });
  return { clock, started, ends, state, loop };
}
const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

it('looks once, however often it is asked, and does what is to be done at the same time', async () => {
  const { loop, state, started } = createWork();
  const stop = new AbortController();
  state.steps = ['a', 'b'];
  const running = loop.run(stop.signal);
  for (let i = 0; i < 5; i += 1) loop.replan();
  await settle();
  expect([state.passes, started]).toEqual([1, ['a', 'b']]);
  state.steps = ['c'];
  loop.replan();
  await settle();
  expect([state.passes, started]).toEqual([2, ['a', 'b', 'c']]);
  stop.abort(new Error('enough'));
  await running;
});

it('looks again at the time that a look says, and not at that of an earlier one', async () => {
  const { loop, state, clock } = createWork();
  const stop = new AbortController();
  state.wakeAtMs = clock.nowMs() + 1000;
  loop.replan();
  const running = loop.run(stop.signal);
  await settle();
  state.wakeAtMs = clock.nowMs() + 5000;
  loop.replan();
  await settle();
  clock.advance(1000);
  await settle();
  expect(state.passes).toBe(2);
  state.wakeAtMs = Number.POSITIVE_INFINITY;
  clock.advance(4000);
  await settle();
  expect(state.passes).toBe(3);
  clock.advance(2 ** 40);
  await settle();
  expect(state.passes).toBe(3);
  stop.abort();
  await running;
});

it('waits no longer than timers can, and then looks again', async () => {
  const { loop, state, clock } = createWork();
  const stop = new AbortController();
  state.wakeAtMs = clock.nowMs() + 2 ** 40;
  loop.replan();
  const running = loop.run(stop.signal);
  await settle();
  clock.advance(2 ** 31 - 1);
  await settle();
  expect(state.passes).toBe(2);
  stop.abort();
  await running;
});

it('ends when what is under way has ended, and looks no more', async () => {
  const { loop, state, started } = createWork();
  const stop = new AbortController();
  state.steps = ['a'];
  loop.replan();
  const running = loop.run(stop.signal);
  await settle();
  const reason = new Error('enough');
  stop.abort(reason);
  await running;
  state.steps = ['b'];
  loop.replan();
  await settle();
  expect([state.reason, started, state.passes]).toEqual([reason, ['a'], 1]);
});

it('looks not before it runs, nor unasked, nor where it is stopped before', async () => {
  const { loop, state } = createWork();
  loop.replan();
  await settle();
  await loop.run(AbortSignal.abort());
  await settle();
  expect(state.passes).toBe(0);
  const unasked = createWork();
  const stop = new AbortController();
  const running = unasked.loop.run(stop.signal);
  await settle();
  stop.abort();
  await running;
  expect(unasked.state.passes).toBe(0);
});
