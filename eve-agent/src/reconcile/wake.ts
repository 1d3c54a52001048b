// SPDX-License-Identifier: Apache-2.0
import type { Actual, OriginState, SourceState } from './actual.ts';
import type { Desired } from './desired.ts';
import type { RetrySchedule } from './retry-schedule.ts';

function* sourcesAt(
  { contents }: Actual,
  desired: Desired,
  origin: OriginState,
  digests: Iterable<string>,
): Generator<SourceState> {
  for (const sha256 of digests) {
    const states = contents.get(sha256)?.sources;
    for (const { key, originKey } of desired.contents.get(sha256)?.parts.flatMap((part) => part.sources) ??
      []) {
      const state = originKey === origin.origin ? states?.get(key) : undefined;
      if (state !== undefined) yield state;
    }
  }
}

/**
 * Ends the waiting for a datastore that has announced itself, of itself and of each file from there, also of those
 * that it refused; as often as that may be.
 *
 * @param digests of the content that may come from there
 * @returns when the waiting ends: now, or later; null: nothing was waiting, or it has been ended just now
 */
export function wakeOrigin(
  actual: Actual,
  desired: Desired,
  origin: OriginState,
  digests: Iterable<string>,
  schedule: RetrySchedule,
  nowMs: number,
): number | null {
  // Whatever waits: a flood of announcements costs no more than this.
  if (origin.wakes.isCovered(nowMs)) return null;
  const waiting = [...sourcesAt(actual, desired, origin, digests)].filter(
    ({ waitUntilMs }) => waitUntilMs > nowMs,
  );
  if (origin.waitUntilMs <= nowMs && waiting.length === 0) return null;
  const wasMissing = origin.failure?.code === 'DATASTORE_NOT_FOUND';
  const atMs = origin.wakes.grant(nowMs, schedule, wasMissing);
  if (atMs === null) return null;
  origin.unanswered.clear();
  for (const state of [origin, ...waiting]) {
    state.waitUntilMs = Math.min(state.waitUntilMs, atMs);
    // Should it not be quite ready yet, the next tries come quickly.
    state.failures = 0;
  }
  return atMs;
}

/** The hosts on `.local` that content which is not here waits for. */
export function findWaitedHosts(
  { contents, origins }: Actual,
  contentOfOrigin: ReadonlyMap<string, ReadonlySet<string>>,
): ReadonlySet<string> {
  const hosts = new Set<string>();
  const isIncomplete = (sha256: string) => contents.get(sha256)?.state !== 'VERIFIED';
  for (const { isLocal, host, origin } of origins.values()) {
    if (!isLocal || hosts.has(host)) continue;
    if ([...(contentOfOrigin.get(origin) ?? [])].some(isIncomplete)) hosts.add(host);
  }
  return hosts;
}
