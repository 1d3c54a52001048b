// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest';
import type { SystemClockControl } from './clock-control.ts';

/** A control under test that may do nothing but read: that of this machine, whose clock no test sets. */
export interface ReadClockUnderTest {
  readonly control: Pick<SystemClockControl, 'read'>;
  /** What the clock says by another way. */
  unixMs(): number;
}

/** A control under test of a clock that is nobody's. */
export interface ClockControlUnderTest extends ReadClockUnderTest {
  readonly control: SystemClockControl;
  /** Lets so much time go by. */
  pass(milliseconds: number): void;
}

/** What every control tells of its clock. */
export function describeClockReadingContract(name: string, create: () => ReadClockUnderTest): void {
  describe(`the clock ${name}`, () => {
    it('is read as it is', () => {
      const { control, unixMs } = create();
      const beforeMs = unixMs();
      const { unixMs: readMs, frequencyPpm, isSynchronized } = control.read();
      // The other way may tell whole milliseconds only.
      expect(readMs).toBeGreaterThanOrEqual(beforeMs - 1);
      expect(readMs).toBeLessThanOrEqual(unixMs() + 1);
      expect(Math.abs(frequencyPpm)).toBeLessThanOrEqual(500);
      expect(isSynchronized).toBeTypeOf('boolean');
    });
  });
}

/** What every control does to its clock. */
export function describeClockControlContract(name: string, create: () => ClockControlUnderTest): void {
  describeClockReadingContract(name, create);

  describe(`the clock ${name}`, () => {
    let under: ClockControlUnderTest;
    beforeEach(() => {
      under = create();
    });
    /** How far it is from where it would be by itself, after so much time. */
    const movedBy = (act: () => void, passMs: number) => {
      const beforeMs = under.unixMs();
      act();
      under.pass(passMs);
      return under.unixMs() - beforeMs - passMs;
    };

    it.each([0.001, 1, 999.999, 1000, 1_767_225_600_000, -0.001, -1, -999.999, -1000, -86_400_000])(
      'is set by %d ms at once',
      (offsetMs) => {
        expect(movedBy(() => under.control.stepBy(offsetMs), 0)).toBeCloseTo(offsetMs, 3);
      },
    );

    it.each([128, -128, 1, -0.25])('is slewed by %d ms, at 0.5 ms in a second', (offsetMs) => {
      expect(movedBy(() => under.control.slewBy(offsetMs), 0)).toBeCloseTo(0, 3);
      const slewed = Math.sign(offsetMs) * Math.min(Math.abs(offsetMs), 0.5);
      expect(movedBy(() => {}, 1000)).toBeCloseTo(slewed, 3);
      expect(movedBy(() => {}, 1_000_000)).toBeCloseTo(offsetMs - slewed, 3);
    });

    it('is slewed by the last that was said', () => {
      under.control.slewBy(100);
      under.pass(10_000);
      expect(movedBy(() => under.control.slewBy(-3), 1_000_000)).toBeCloseTo(-3, 3);
    });

    it('is no longer slewed once it is set', () => {
      under.control.slewBy(100);
      expect(movedBy(() => under.control.stepBy(50), 1_000_000)).toBeCloseTo(50, 3);
    });

    it.each([
      [0, 0],
      [12.5, 12.5],
      [-500, -500],
      [501, 500],
      [-1e6, -500],
    ])('runs at a frequency of %d, as %d', (wantedPpm, ppm) => {
      expect(movedBy(() => under.control.setFrequency(wantedPpm), 1_000_000)).toBeCloseTo(ppm, 2);
      expect(under.control.read().frequencyPpm).toBeCloseTo(ppm, 4);
    });

    it('keeps its frequency when it is set', () => {
      under.control.setFrequency(20);
      under.control.stepBy(1000);
      expect(under.control.read().frequencyPpm).toBeCloseTo(20, 4);
    });

    it('is synchronized once that is said, until it is set', () => {
      expect(under.control.read().isSynchronized).toBe(false);
      under.control.setSynchronized({ maxErrorMs: 10, estimatedErrorMs: 1 });
      expect(under.control.read().isSynchronized).toBe(true);
      under.control.slewBy(1);
      expect(under.control.read().isSynchronized).toBe(true);
      under.control.stepBy(1);
      expect(under.control.read().isSynchronized).toBe(false);
    });
  });
}
