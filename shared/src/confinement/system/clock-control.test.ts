// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../manual-clock.ts';
import { openAdjtimex } from './adjtimex.ts';
import { type Adjtimex, createClockControl } from './clock-control.ts';
import { describeClockControlContract, describeClockReadingContract } from './clock-control-contract.ts';
import { emulateAdjtimex } from './emulated-adjtimex.ts';
import { SystemError } from './system-error.ts';
import { ADJ, decodeTimex, encodeTimex, STA, TIMEX_BYTES } from './timex.ts';

/** The kernel's, which no test of this machine may have for anything but reading. */
const readOnly: Adjtimex = (timex) => {
  if (decodeTimex(timex).modes !== 0) throw new Error("a test would set this machine's clock");
  openAdjtimex()(timex);
};

function emulated(isPermitted = true) {
  const clock = createManualClock();
  const emulation = emulateAdjtimex(clock, { unixMs: 1_796_000_000_000, isPermitted });
  const control = createClockControl(emulation.adjtimex);
  return { control, unixMs: emulation.unixMs, pass: clock.advance };
}

describeClockReadingContract('of this machine', () => ({
  control: createClockControl(readOnly),
  unixMs: Date.now,
}));
describeClockControlContract('of nobody', () => emulated());

describe('the structure', () => {
  it('is that of this kernel: what never changes stands where it should', () => {
    const bytes = new Uint8Array(TIMEX_BYTES);
    readOnly(bytes);
    const { tickUs, tolerance, seconds, fraction } = decodeTimex(bytes);
    // 100 ticks of 10 ms in a second, within the tenth that the kernel lets them be changed by; 500 ppm.
    expect(Math.abs(tickUs - 10_000)).toBeLessThanOrEqual(1000);
    expect(tolerance).toBe(500 * 65_536);
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(2);
    expect(fraction).toBeGreaterThanOrEqual(0);
    expect(fraction).toBeLessThan(1e9);
  });

  it('is as long as the kernel writes, and no longer', () => {
    const around = new Uint8Array(TIMEX_BYTES + 64).fill(0xa5);
    around.fill(0, 0, TIMEX_BYTES);
    readOnly(around);
    expect(new Set(around.subarray(TIMEX_BYTES))).toEqual(new Set([0xa5]));
    // The kernel clears what it keeps for later: the last 44 bytes.
    expect(new Set(around.subarray(TIMEX_BYTES - 44, TIMEX_BYTES))).toEqual(new Set([0]));
  });

  it('is read as it is written', () => {
    const fields = {
      ...{ modes: ADJ.setOffset, offset: -128_000, frequency: -32_768_000, maxErrorUs: 16_000_000 },
      ...{ estimatedErrorUs: 5, status: STA.unsynchronized, tolerance: 32_768_000 },
      ...{ seconds: -(2 ** 40), fraction: 999_999, tickUs: 10_000 },
    };
    const bytes = encodeTimex(fields);
    expect(bytes).toHaveLength(TIMEX_BYTES);
    expect(decodeTimex(bytes)).toEqual(fields);
  });
});

describe('what is refused', () => {
  it('is thrown with its name, and changes nothing', () => {
    const { control, unixMs, pass } = emulated(false);
    const beforeMs = unixMs();
    for (const act of [
      () => control.stepBy(1000),
      () => control.slewBy(10),
      () => control.setFrequency(10),
      () => control.setSynchronized({ maxErrorMs: 1, estimatedErrorMs: 1 }),
    ]) {
      expect(act).toThrow(SystemError);
      expect(act).toThrow('adjtimex: EPERM');
    }
    pass(100_000);
    expect(unixMs() - beforeMs).toBe(100_000);
    expect(control.read().isSynchronized).toBe(false);
  });

  it('is known before anything is asked for', () => {
    expect(emulated(false).control.whyFixed()).toBe('EPERM');
    const { control, unixMs } = emulated();
    const beforeMs = unixMs();
    expect(control.whyFixed()).toBeNull();
    expect(unixMs()).toBe(beforeMs);
  });
});

it('nanoseconds are read where another program asked for them', () => {
  const control = createClockControl((bytes) => {
    bytes.set(encodeTimex({ status: STA.nanoseconds, seconds: 1_796_000_000, fraction: 123_500_000 }));
  });
  expect(control.read()).toEqual({ unixMs: 1_796_000_000_123.5, frequencyPpm: 0, isSynchronized: true });
});

it('bits of the status that only the kernel sets are not asked for', () => {
  const asked: number[] = [];
  const control = createClockControl((bytes) => {
    const { modes, status } = decodeTimex(bytes);
    if (modes !== 0) asked.push(status);
    bytes.set(encodeTimex({ status: STA.nanoseconds | STA.unsynchronized | 0x10 }));
  });
  control.setSynchronized({ maxErrorMs: 1, estimatedErrorMs: 1 });
  expect(asked).toEqual([0x10]);
});
