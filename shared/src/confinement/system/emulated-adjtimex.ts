// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../clock.ts';
import type { Adjtimex } from './clock-control.ts';
import { SystemError } from './system-error.ts';
import { ADJ, decodeTimex, encodeTimex, FREQUENCY_PER_PPM, STA } from './timex.ts';

/** A clock for tests that does with a `struct timex` what Linux does, and is nobody's clock. */
export interface EmulatedAdjtimex {
  readonly adjtimex: Adjtimex;
  /** Milliseconds since 1970, by this clock. */
  unixMs(): number;
  /** By the monotonic clock of this host, which is slewed alike, and never set. */
  monotonicMs(): number;
  /** What it is still to be slewed by. */
  pendingMs(): number;
  /** As `date -s` would. */
  setBy(offsetMs: number): void;
}

export interface EmulatedClockOptions {
  readonly unixMs: number;
  /** How much faster its crystal runs than true time does. */
  readonly driftPpm?: number;
  readonly frequencyPpm?: number;
  readonly isSynchronized?: boolean;
  /** Whether CAP_SYS_TIME is there. Default true. */
  readonly isPermitted?: boolean;
}

const PPM = 1e-6;
const SLEW_RATE = 500 * PPM;
const MAX_PPM = 500;
const TICK_US = 10_000;
const EPERM = 1;
const EINVAL = 22;

/** @param clock true time */
export function emulateAdjtimex(clock: Clock, options: EmulatedClockOptions): EmulatedAdjtimex {
  const { driftPpm = 0, isPermitted = true } = options;
  let frequencyPpm = options.frequencyPpm ?? 0;
  let status: number = options.isSynchronized ? 0 : STA.unsynchronized;
  let maxErrorUs = 16_000_000;
  let estimatedErrorUs = 16_000_000;
  let atMs = clock.nowMs();
  let monotonicMs = 5000;
  let baseMs = options.unixMs - monotonicMs;
  let pendingMs = 0;

  function catchUp(): void {
    const elapsedMs = clock.nowMs() - atMs;
    atMs = clock.nowMs();
    const slewedMs = Math.sign(pendingMs) * Math.min(Math.abs(pendingMs), SLEW_RATE * elapsedMs);
    pendingMs -= slewedMs;
    monotonicMs += elapsedMs * (1 + (driftPpm + frequencyPpm) * PPM) + slewedMs;
  }
  function setBy(offsetMs: number): void {
    catchUp();
    baseMs += offsetMs;
    pendingMs = 0;
    status |= STA.unsynchronized;
    maxErrorUs = estimatedErrorUs = 16_000_000;
  }

  return {
    adjtimex(bytes) {
      catchUp();
      const { modes, ...asked } = decodeTimex(bytes);
      if (modes !== 0 && !isPermitted) throw new SystemError('adjtimex', EPERM);
      if ((modes & ADJ.tick) !== 0 && Math.abs(asked.tickUs - TICK_US) > TICK_US / 10) {
        throw new SystemError('adjtimex', EINVAL);
      }
      let offset = 0;
      if (modes === ADJ.offsetSingleShot) {
        offset = Math.round(pendingMs * 1000);
        pendingMs = asked.offset / 1000;
      } else {
        if ((modes & ADJ.setOffset) !== 0) {
          if (asked.fraction < 0 || asked.fraction > 999_999) throw new SystemError('adjtimex', EINVAL);
          setBy(asked.seconds * 1000 + asked.fraction / 1000);
        }
        if ((modes & ADJ.frequency) !== 0) {
          frequencyPpm = Math.min(Math.max(asked.frequency / FREQUENCY_PER_PPM, -MAX_PPM), MAX_PPM);
        }
        if ((modes & ADJ.maxError) !== 0) maxErrorUs = asked.maxErrorUs;
        if ((modes & ADJ.estimatedError) !== 0) estimatedErrorUs = asked.estimatedErrorUs;
        if ((modes & ADJ.status) !== 0) status = (status & STA.readOnly) | (asked.status & ~STA.readOnly);
      }
      const nowUs = Math.round((baseMs + monotonicMs) * 1000);
      const seconds = Math.floor(nowUs / 1_000_000);
      const frequency = Math.round(frequencyPpm * FREQUENCY_PER_PPM);
      bytes.set(
        encodeTimex({
          ...{ modes, offset, frequency, maxErrorUs, estimatedErrorUs, status },
          ...{ tolerance: MAX_PPM * FREQUENCY_PER_PPM, tickUs: TICK_US },
          ...{ seconds, fraction: nowUs - seconds * 1_000_000 },
        }),
      );
    },
    unixMs() {
      catchUp();
      return baseMs + monotonicMs;
    },
    monotonicMs() {
      catchUp();
      return monotonicMs;
    },
    pendingMs() {
      catchUp();
      return pendingMs;
    },
    setBy,
  };
}
