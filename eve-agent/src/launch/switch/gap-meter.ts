// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import type { ProbeResult } from './probe.ts';

/** How a service was while it was moved, by requests of our own, each with a connection of its own. */
export interface Gap {
  /** Between two answers that were as they should be; 0: every request was answered so. */
  readonly longestSilenceMs: number;
  readonly asked: number;
  readonly failed: number;
}

const INTERVAL_MS = 5;

/**
 * Asks again and again until it is ended.
 *
 * @param ask resolves within its own time
 * @returns ends it
 */
export function measureGap(clock: Clock, ask: () => Promise<ProbeResult>): () => Promise<Gap> {
  const ending = new AbortController();
  let asked = 0;
  let failed = 0;
  let longestSilenceMs = 0;
  let lastAnswerMs = clock.nowMs();
  let isSilent = false;

  const noteSilence = () => {
    if (isSilent) longestSilenceMs = Math.max(longestSilenceMs, clock.nowMs() - lastAnswerMs);
  };
  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      const result = await ask();
      asked += 1;
      if (result === null) {
        noteSilence();
        isSilent = false;
        lastAnswerMs = clock.nowMs();
      } else {
        failed += 1;
        isSilent = true;
      }
      await waitUnlessAborted(clock, INTERVAL_MS, ending.signal);
    }
    noteSilence();
  }
  const running = run();
  return async () => {
    ending.abort();
    await running;
    return { longestSilenceMs: Math.round(longestSilenceMs), asked, failed };
  };
}
