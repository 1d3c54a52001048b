// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import * as z from 'zod';
import type { JsonFile } from '../content/json-file.ts';

export const scrubTimeSchema = z.object({ endedAtMs: z.number() });

export interface ScrubScheduleDeps {
  scrub(signal: AbortSignal): Promise<unknown>;
  /** When the last scrub ended, in milliseconds since the epoch: a device that is often restarted scrubs, too. */
  readonly file: JsonFile<z.infer<typeof scrubTimeSchema>>;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  wallMs(): number;
}

/** Leaves most of a slow device's disk and processor to others. */
export const SCRUB_BYTES_PER_SECOND = 100 * 1024 * 1024;

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
