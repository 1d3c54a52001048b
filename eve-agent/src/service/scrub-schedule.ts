import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import type { JsonFile } from '../content/json-file.ts';

export interface ScrubScheduleDeps {
  scrub(signal: AbortSignal): Promise<unknown>;
  /** When the last scrub ended, in milliseconds since the epoch: a device that is often restarted scrubs, too. */
  readonly file: JsonFile<{ endedAtMs: number }>;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  wallMs(): number;
}

/** How often is looked whether it is time: a device's clock may be set while it runs. */
const LOOK_INTERVAL_MS = 60_000;

/** Scrubs at an interval until the signal is aborted; the first one an interval after the first start. */
export async function runScrubs(
  { scrub, file, clock, wallMs }: ScrubScheduleDeps,
  intervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  let endedAtMs = file.read()?.endedAtMs;
  const remember = () => {
    endedAtMs = wallMs();
    try {
      file.write({ endedAtMs });
    } catch {
      // A full disk: a restart scrubs earlier or later than it would.
    }
  };
  // A time in the future is no time at all.
  if (endedAtMs === undefined || endedAtMs > wallMs()) remember();
  while (!signal.aborted) {
    if (wallMs() - (endedAtMs ?? 0) >= intervalMs) {
      try {
        await scrub(signal);
        remember();
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
    await waitUnlessAborted(clock, Math.min(LOOK_INTERVAL_MS, intervalMs), signal);
  }
}
