// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest';
import { type Clock, waitUnlessAborted } from './clock.ts';

/** A clock under test. */
export interface ClockUnderTest {
  readonly clock: Clock;
  /** Lets at least so much time go by, and all callbacks that fall due within it. */
  pass(milliseconds: number): Promise<void>;
}

/** What a program may expect of every clock. */
export function describeClockContract(name: string, create: () => ClockUnderTest): void {
  describe(`the clock ${name}`, () => {
    let under: ClockUnderTest;
    const calls: string[] = [];
    const call = (label: string) => () => calls.push(label);

    beforeEach(() => {
      under = create();
      calls.length = 0;
    });

    it('moves on by the time that passes', async () => {
      const startMs = under.clock.nowMs();
      expect(under.clock.nowMs()).toBeGreaterThanOrEqual(startMs);
      await under.pass(4);
      // A timer of Node's may be a fraction of a millisecond early.
      expect(under.clock.nowMs() - startMs).toBeGreaterThan(3);
    });

    it('calls back once, and not at once', async () => {
      // In this order: a process may be held up between the two.
      under.clock.after(0, call('now'));
      under.clock.after(2, call('due'));
      expect(calls).toEqual([]);
      await under.pass(8);
      expect(calls).toEqual(['now', 'due']);
      await under.pass(8);
      expect(calls).toEqual(['now', 'due']);
    });

    it('calls back in the order of what is due, and of asking', async () => {
      for (const [delayMs, label] of [
        [2, 'first'],
        [2, 'second'],
        [6, 'late'],
      ] as const)
        under.clock.after(delayMs, call(label));
      await under.pass(12);
      expect(calls).toEqual(['first', 'second', 'late']);
    });

    it('takes a timer back, also one that has fired', async () => {
      const cancel = under.clock.after(2, call('cancelled'));
      const cancelFired = under.clock.after(2, call('fired'));
      cancel();
      await under.pass(8);
      cancelFired();
      cancel();
      expect(calls).toEqual(['fired']);
    });

    it('lets a callback set the next timer', async () => {
      under.clock.after(1, () => {
        calls.push('one');
        under.clock.after(1, call('two'));
      });
      await under.pass(12);
      expect(calls).toEqual(['one', 'two']);
    });

    it('is waited for until the time is over', async () => {
      const controller = new AbortController();
      const waited = waitUnlessAborted(under.clock, 2, controller.signal).then(call('over'));
      expect(calls).toEqual([]);
      await under.pass(8);
      await waited;
      expect(calls).toEqual(['over']);
    });

    it('is waited for no longer than until the signal aborts', async () => {
      const controller = new AbortController();
      const waited = waitUnlessAborted(under.clock, 3_600_000, controller.signal);
      controller.abort();
      await waited;
      await waitUnlessAborted(under.clock, 3_600_000, controller.signal);
    });
  });
}
