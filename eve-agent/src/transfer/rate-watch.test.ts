// SPDX-License-Identifier: Apache-2.0
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { describe, expect, it } from 'vitest';
import type { BodyReceiver } from './fetch-body.ts';
import { measureRate, watchRate } from './rate-watch.ts';

describe('the rate over a window', () => {
  const samples = (...pairs: readonly (readonly [freeMs: number, byteCount: number])[]) =>
    pairs.map(([freeMs, byteCount]) => ({ freeMs, byteCount }));
  it.each([
    ['nothing', samples(), null],
    ['one moment', samples([0, 0]), null],
    ['less than a window', samples([0, 0], [29_999, 5]), null],
    ['a window', samples([0, 0], [30_000, 60_000]), 2000],
    ['the last window alone', samples([0, 0], [30_000, 9e9], [60_000, 9e9 + 30]), 1],
    ['no byte', samples([0, 7], [30_000, 7]), 0],
    ['the shortest time that is a window', samples([0, 0], [20_000, 1000], [50_000, 4000]), 100],
  ])('of %s', (_, taken, rate) => {
    expect(measureRate(taken, 30_000)).toBe(rate);
  });
});

describe('the watch', () => {
  const LEAST = { bytesPerSecond: 1024, windowMs: 30_000 };
  /** A transfer that a test moves on. */
  function watched(least = LEAST) {
    const clock = createManualClock();
    const told: (number | null)[] = [];
    let hasRoom = true;
    let resume = () => {};
    const failures: Error[] = [];
    const inner: BodyReceiver = {
      take: () => hasRoom,
      listen: (onSpace) => {
        resume = onSpace;
      },
    };
    const watch = watchRate(inner, least, clock, (rate, abandon) => {
      told.push(rate === null ? null : Math.round(rate));
      if (rate === 0) abandon(new Error('abandoned'));
    });
    watch.receiver.listen(
      () => {},
      (error) => failures.push(error),
    );
    return {
      ...{ clock, told, failures, watch },
      /** So many bytes a second, for so long. */
      send(bytesPerSecond: number, seconds: number) {
        for (let second = 0; second < seconds; second += 1) {
          if (bytesPerSecond > 0) watch.receiver.take(Buffer.alloc(bytesPerSecond));
          clock.advance(1000);
        }
      },
      pause(seconds: number) {
        hasRoom = false;
        watch.receiver.take(Buffer.alloc(1));
        clock.advance(seconds * 1000);
        hasRoom = true;
        resume();
      },
    };
  }

  it('tells of a datastore that drips, once, and not before a window is over', () => {
    const { send, told } = watched();
    send(1, 29);
    expect(told).toEqual([]);
    send(1, 200);
    expect(told).toEqual([1]);
  });

  it.each([
    ['as fast as it must be', 1024],
    ['a gigabit', 125_000],
  ])('says nothing of one that is %s', (_, rate) => {
    const { send, told } = watched();
    send(rate, 300);
    expect(told).toEqual([]);
  });

  it('is on average: a burst a window is enough', () => {
    const { send, told } = watched();
    for (let i = 0; i < 10; i += 1) {
      send(40_000, 1);
      send(0, 25);
    }
    expect(told).toEqual([]);
  });

  it('tells when it becomes slow later, when it recovers, and when it is slow again', () => {
    const { send, told } = watched();
    send(100_000, 100);
    send(10, 60);
    send(100_000, 40);
    send(10, 60);
    expect(told.map((rate) => (rate === null ? null : 'slow'))).toEqual(['slow', null, 'slow']);
  });

  it('counts no time in which the receiver itself wants a pause', () => {
    const { send, pause, told } = watched();
    for (let i = 0; i < 20; i += 1) {
      send(2000, 5);
      pause(300);
    }
    expect(told).toEqual([]);
    send(1, 60);
    expect(told.length).toBe(1);
  });

  it('can end the transfer', () => {
    const { send, told, failures } = watched({ ...LEAST, windowMs: 3000 });
    send(5000, 1);
    send(0, 9);
    expect([told, failures.map(({ message }) => message)]).toEqual([[0], ['abandoned']]);
  });

  it('watches nothing after its end, before the first byte, and where no rate is wanted', () => {
    const ended = watched();
    ended.send(1, 5);
    ended.watch.stop();
    ended.send(1, 100);
    const unborn = watched();
    unborn.clock.advance(100_000);
    const without = watched({ ...LEAST, bytesPerSecond: 0 });
    without.send(1, 100);
    expect([ended, unborn, without].map(({ told, clock }) => [told, clock.pendingTimers()])).toEqual([
      [[], 0],
      [[], 0],
      [[], 0],
    ]);
  });
});
