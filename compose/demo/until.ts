// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until something was seen.
 *
 * @param what for the message of what never came
 * @param look null: not yet; what it throws is told when the limit is over
 * @throws the signal's reason; Error: it was not seen within the limit
 */
export type Until = <Seen>(what: string, look: () => Promise<Seen | null>) => Promise<Seen>;

/** @param signal ends the waiting */
export function createUntil(
  signal: AbortSignal,
  { pollMs, limitMs }: { readonly pollMs: number; readonly limitMs: number },
): Until {
  return async (what, look) => {
    const limit = AbortSignal.timeout(limitMs);
    for (let trouble = ''; ; ) {
      try {
        const seen = await look();
        if (seen !== null) return seen;
      } catch (error) {
        trouble = `: ${String(error)}`;
      }
      signal.throwIfAborted();
      if (limit.aborted) throw new Error(`${what} was not seen within ${limitMs / 1000} s${trouble}`);
      await delay(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  };
}
