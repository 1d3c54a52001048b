// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** What of an app's configuration was carried out last. */
export const appRecordSchema = z.object({
  restartCounter: z.number(),
  purgeCounter: z.number(),
  /** Of what only a purge may change: volumes, and how many interfaces there are. */
  purgeText: z.string(),
  /** Of what only a restart may change: all else that it is started with, but its access rules. */
  restartText: z.string(),
});
export type AppRecord = z.infer<typeof appRecordSchema>;

/** What is to be done with a running app before it is as its configuration has it. */
export type CounterVerdict =
  | { readonly kind: 'none' | 'restart' | 'purge' }
  /** A change that its controller forgot to command: the app stays as it is. */
  | { readonly kind: 'refused'; readonly problem: string };

/**
 * Compares what is wanted with what was carried out last, as EVE's `AppInstanceConfig` says: a change of the volumes or
 * of the number of interfaces needs a higher purge counter, any other a higher restart counter, access rules neither. A
 * counter that fell is no command.
 *
 * @param last null: it was never started
 */
export function judgeCounters(last: AppRecord | null, wanted: AppRecord): CounterVerdict {
  if (last === null) return { kind: 'none' };
  if (wanted.purgeCounter > last.purgeCounter) return { kind: 'purge' };
  if (wanted.purgeText !== last.purgeText) {
    const problem =
      'its volumes or the number of its interfaces changed without a higher purge counter: the app stays as it is';
    return { kind: 'refused', problem };
  }
  if (wanted.restartCounter > last.restartCounter) return { kind: 'restart' };
  if (wanted.restartText !== last.restartText) {
    const problem =
      'its configuration changed without a higher restart counter: the app goes on with the one that it was started with';
    return { kind: 'refused', problem };
  }
  return { kind: 'none' };
}
