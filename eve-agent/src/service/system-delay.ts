// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';

/** Waits by this host's timers; rejects with the signal's reason, as the cause of an AbortError. */
export const systemDelay = (delayMs: number, signal: AbortSignal): Promise<void> =>
  wait(delayMs, undefined, { signal });
