// SPDX-License-Identifier: Apache-2.0
import { waitFor } from '@local-datastore/shared/system-clock';

/** Does something again and again, one after another, until the signal aborts. Never rejects. */
export async function repeat(
  task: () => Promise<void> | void,
  { intervalMs, onError }: { readonly intervalMs: number; onError(error: unknown): void },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await task();
    } catch (error) {
      onError(error);
    }
    await waitFor(intervalMs, signal);
  }
}
