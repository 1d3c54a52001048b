// SPDX-License-Identifier: Apache-2.0
import type { RetrySchedule } from './retry-schedule.ts';

/** Announcements come in threes (RFC 6762 §8.3). */
const LEAST_INTERVAL_MS = 2000;
/** That many in a row, and as many again in the time after which what was refused is asked for anyhow. */
const BURST = 4;

/**
 * How often one datastore's announcements may end the waiting for it. One that announces itself every second, or
 * answers others all the time, is asked hardly more often than one that keeps silent.
 */
export class WakeBudget {
  /** When all that were granted are paid for: the generic cell rate algorithm's theoretical arrival time. */
  #paidMs = Number.NEGATIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  /**
   * Asks for one.
   *
   * @param isFree whether it need not be paid for, as the datastore was missing and is not any more
   * @returns when: now, or when the next one is to be had; null: one was granted that covers this
   */
  grant(nowMs: number, { slowMs }: RetrySchedule, isFree = false): number | null {
    if (this.isCovered(nowMs)) return null;
    const costMs = slowMs / BURST;
    if (isFree) {
      this.#lastMs = nowMs;
      return nowMs;
    }
    this.#lastMs = Math.max(nowMs, this.#paidMs - (BURST - 1) * costMs);
    this.#paidMs = Math.max(this.#paidMs, nowMs) + costMs;
    return this.#lastMs;
  }

  /** Whether one was granted that covers this moment. */
  isCovered(nowMs: number): boolean {
    return nowMs < this.#lastMs + LEAST_INTERVAL_MS;
  }

  /** Something came of it. */
  refill(): void {
    this.#paidMs = Number.NEGATIVE_INFINITY;
  }
}
