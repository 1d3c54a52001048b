// SPDX-License-Identifier: Apache-2.0
import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { createManualClock } from '../../manual-clock.ts';
import type { Calf, CalfEnd } from './calf.ts';
import { keepCalf } from './keep-calf.ts';

function setUp(refusals: readonly string[] = [], readyWithinMs?: number, failsAt?: number) {
  const clock = createManualClock();
  const started: { calf: Calf; end(end: Partial<CalfEnd>): void }[] = [];
  const told: string[] = [];
  let attempts = 0;
  const kept = keepCalf({
    clock,
    ...(readyWithinMs !== undefined && { readyWithinMs }),
    start() {
      const refusal = refusals[attempts];
      attempts += 1;
      if (refusal !== undefined) throw new Error(refusal);
      const { promise, resolve } = Promise.withResolvers<CalfEnd>();
      const end = (how: Partial<CalfEnd>) => resolve({ code: null, signal: null, refusal: null, ...how });
      const calf: Calf = {
        name: 'test',
        pid: started.length + 1,
        store: new Duplex(),
        send() {},
        layers: () => null,
        ended: promise,
        kill: () => end({ signal: 'SIGKILL' }),
      };
      started.push({ calf, end });
      return calf;
    },
    onStart({ pid }) {
      told.push(`started ${pid}`);
      if (pid === failsAt) throw new Error('EAGAIN');
    },
    onEnd: ({ code, signal, refusal }, delayMs) => told.push(`${refusal ?? code ?? signal}, ${delayMs} ms`),
  });
  const endLast = async (how: Partial<CalfEnd>) => {
    const last = started.at(-1);
    last?.end(how);
    await last?.calf.ended;
  };
  return { clock, told, kept, endLast, started };
}

it('starts one at once, and another when it ended and the delay is over', async () => {
  const { clock, told, kept, endLast } = setUp();
  expect(kept.current()?.pid).toBe(1);
  await endLast({ code: 1 });
  expect(kept.current()).toBeNull();
  clock.advance(999);
  expect(kept.current()).toBeNull();
  clock.advance(1);
  expect(kept.current()?.pid).toBe(2);
  await endLast({ signal: 'SIGSEGV' });
  clock.advance(2000);
  expect(told).toEqual(['started 1', '1, 1000 ms', 'started 2', 'SIGSEGV, 2000 ms', 'started 3']);
  expect(kept.endCount()).toBe(2);
});

it('goes on where one cannot be started', () => {
  const { clock, told, kept } = setUp(['EMFILE', 'EAGAIN']);
  clock.advance(3000);
  expect(told).toEqual(['EMFILE, 1000 ms', 'EAGAIN, 2000 ms', 'started 1']);
  expect(kept.current()?.pid).toBe(1);
});

it('is degraded by five ends, until one has run for a minute', async () => {
  const { clock, kept, endLast } = setUp();
  for (const delayMs of [1000, 2000, 4000, 8000, 16_000]) {
    expect(kept.isDegraded()).toBe(false);
    await endLast({ code: 1 });
    clock.advance(delayMs);
  }
  expect(kept.isDegraded()).toBe(true);
  clock.advance(59_999);
  expect(kept.isDegraded()).toBe(true);
  clock.advance(1);
  expect(kept.isDegraded()).toBe(false);
});

it('kills the last one when it is closed, and starts no other', async () => {
  const { clock, told, kept, started } = setUp();
  await kept.close();
  await kept.close();
  expect(await started[0]?.calf.ended).toMatchObject({ signal: 'SIGKILL' });
  clock.advance(100_000);
  expect(told).toEqual(['started 1']);
  expect(kept.current()).toBeNull();
});

it('starts none that it waits for when it is closed', async () => {
  const { clock, told, kept, endLast } = setUp();
  await endLast({ code: 0 });
  await kept.close();
  clock.advance(100_000);
  expect(told).toEqual(['started 1', '0, 1000 ms']);
});

it('kills one that does not say in time that it runs, and no other', async () => {
  const { clock, told, kept, started } = setUp([], 5000);
  clock.advance(5000);
  await started[0]?.calf.ended;
  clock.advance(1000);
  expect(told).toEqual(['started 1', 'it was not ready in time, 1000 ms', 'started 2']);
  kept.markReady();
  clock.advance(100_000);
  expect(told).toHaveLength(3);
  await kept.close();
  expect(clock.pendingTimers()).toBe(0);
});

it('is known not to run where three are unfit, and says why', async () => {
  const { clock, told, kept, started } = setUp([], 5000);
  for (let count = 0; count < 3; count += 1) {
    kept.markUnfit('it cannot open files');
    await started[count]?.calf.ended;
    clock.advance(4000);
  }
  expect(await kept.began).toBe('it cannot open files');
  expect(told.slice(0, 3)).toEqual(['started 1', 'it cannot open files, 1000 ms', 'started 2']);
});

it('kills one that cannot be given what it needs, and goes on', async () => {
  const { clock, told, started } = setUp([], undefined, 1);
  await started[0]?.calf.ended;
  clock.advance(1000);
  expect(told).toEqual(['started 1', 'EAGAIN, 1000 ms', 'started 2']);
});

it.each([
  ['one was ready', [], null],
  ['one was ready after two that were not', ['1', '2'], null],
  ['three ended before', ['1', '2', 'none can be'], 'none can be'],
])('tells whether it began: %s', async (_, refusals, expected) => {
  const { clock, kept } = setUp(refusals);
  clock.advance(3000);
  kept.markReady();
  expect(await kept.began).toBe(expected);
});

it.each([
  [{ code: 9 }, 'it ended with code 9'],
  [{ signal: 'SIGSYS' } as const, 'it was ended by SIGSYS'],
])('tells how it came that none began: %j', async (end, expected) => {
  const { clock, kept, endLast } = setUp();
  for (const delayMs of [1000, 2000, 4000]) {
    await endLast(end);
    clock.advance(delayMs);
  }
  expect(await kept.began).toBe(expected);
});

it('takes one that was killed from outside for no sign', async () => {
  const { clock, kept, endLast } = setUp();
  for (const delayMs of [1000, 2000, 4000, 8000]) {
    await endLast({ signal: 'SIGKILL' });
    clock.advance(delayMs);
  }
  kept.markReady();
  expect(await kept.began).toBeNull();
});

it('takes one that is never ready in time for a sign', async () => {
  const { clock, kept, started } = setUp([], 5000);
  for (const delayMs of [1000, 2000, 4000]) {
    clock.advance(5000);
    await started.at(-1)?.calf.ended;
    clock.advance(delayMs);
  }
  expect(await kept.began).toBe('it was not ready in time');
});

it('tells that it was closed before it was known whether it began', async () => {
  const { kept } = setUp();
  await kept.close();
  expect(await kept.began).toBe('it was stopped');
});
