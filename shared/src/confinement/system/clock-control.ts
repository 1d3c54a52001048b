// SPDX-License-Identifier: Apache-2.0
import { errorMessage, systemErrorCode } from '../../errors.ts';
import { ADJ, decodeTimex, encodeTimex, FREQUENCY_PER_PPM, STA, type Timex } from './timex.ts';

/** How the system's clock stands with the kernel. */
export interface ClockReading {
  readonly unixMs: number;
  /** How much faster it is made to run, in parts of a million. */
  readonly frequencyPpm: number;
  /**
   * Whether somebody said that it is right, and not too long ago: the kernel takes it back when that was 9 hours
   * ago, and when the clock is set.
   */
  readonly isSynchronized: boolean;
}

/** How right the clock is. */
export interface ClockQuality {
  readonly maxErrorMs: number;
  readonly estimatedErrorMs: number;
}

/**
 * What priv can do to the system's clock. All of it is of now: nothing is undone when the program ends.
 *
 * Every other call throws SystemError, such as `EPERM` for who lacks CAP_SYS_TIME.
 */
export interface SystemClockControl {
  /** Why this process may not change it, as the code of an error; null: it may. Changes nothing, and never throws. */
  whyFixed(): string | null;
  read(): ClockReading;
  /**
   * Sets it by so much, in one go with reading it. A slew that is under way ends, the frequency stays, and the clock
   * counts as not synchronized.
   */
  stepBy(offsetMs: number): void;
  /** Lets it run up to 500 parts of a million faster or slower until it has moved by so much. Ends another slew. */
  slewBy(offsetMs: number): void;
  /** Beyond 500 parts of a million the kernel takes those. */
  setFrequency(frequencyPpm: number): void;
  /**
   * Says that it is right. Kernels then write it into the battery's clock every 11 minutes by themselves, which is why
   * nothing here does.
   */
  setSynchronized(quality: ClockQuality): void;
}

/** adjtimex(2): changes what the structure says, and fills it with what is then. @throws SystemError */
export type Adjtimex = (timex: Uint8Array) => void;

const US_PER_MS = 1000;
const NS_PER_MS = 1_000_000;
const US_PER_SECOND = 1_000_000;

/** The system's clock by adjtimex(2). Microseconds are its unit. */
export function createClockControl(adjtimex: Adjtimex): SystemClockControl {
  function call(fields: Partial<Timex>): Timex {
    const bytes = encodeTimex(fields);
    adjtimex(bytes);
    return decodeTimex(bytes);
  }
  return {
    whyFixed() {
      try {
        // No kernel takes a tick of no length; who may change nothing hears of that before.
        call({ modes: ADJ.tick, tickUs: 0 });
        return null;
      } catch (error) {
        const code = systemErrorCode(error) ?? errorMessage(error);
        return code === 'EINVAL' ? null : code;
      }
    },
    read() {
      const { seconds, fraction, status, frequency } = call({});
      const perMs = (status & STA.nanoseconds) === 0 ? US_PER_MS : NS_PER_MS;
      return {
        unixMs: seconds * 1000 + fraction / perMs,
        frequencyPpm: frequency / FREQUENCY_PER_PPM,
        isSynchronized: (status & STA.unsynchronized) === 0,
      };
    },
    stepBy(offsetMs) {
      const offsetUs = Math.round(offsetMs * US_PER_MS);
      // The kernel takes microseconds from 0 only: -1 µs are -1 s and 999,999 µs.
      const seconds = Math.floor(offsetUs / US_PER_SECOND);
      call({ modes: ADJ.setOffset, seconds, fraction: offsetUs - seconds * US_PER_SECOND });
    },
    slewBy(offsetMs) {
      call({ modes: ADJ.offsetSingleShot, offset: Math.round(offsetMs * US_PER_MS) });
    },
    setFrequency(frequencyPpm) {
      call({ modes: ADJ.frequency, frequency: Math.round(frequencyPpm * FREQUENCY_PER_PPM) });
    },
    setSynchronized({ maxErrorMs, estimatedErrorMs }) {
      const { status } = call({});
      call({
        modes: ADJ.status | ADJ.maxError | ADJ.estimatedError,
        status: status & ~STA.unsynchronized & ~STA.readOnly,
        maxErrorUs: Math.ceil(maxErrorMs * US_PER_MS),
        estimatedErrorUs: Math.ceil(estimatedErrorMs * US_PER_MS),
      });
    },
  };
}
