import { type Actual, type OriginState, UNTIL_CHANGE } from './actual.ts';

/**
 * Ends the waiting for a datastore, of itself and of each file from there. What waits for a change of the
 * configuration goes on waiting.
 *
 * @param digests of the content that may come from there
 * @returns whether anything was waiting
 */
export function wakeOrigin(
  { contents }: Actual,
  origin: OriginState,
  digests: Iterable<string>,
  nowMs: number,
): boolean {
  let isWoken = origin.waitUntilMs > nowMs;
  origin.waitUntilMs = 0;
  // Should it not be quite ready yet, the next tries come quickly.
  origin.failures = 0;
  origin.unanswered.clear();
  for (const sha256 of digests) {
    for (const state of contents.get(sha256)?.sources.values() ?? []) {
      if (state.waitUntilMs === UNTIL_CHANGE || state.waitUntilMs <= nowMs) continue;
      state.waitUntilMs = 0;
      state.failures = 0;
      isWoken = true;
    }
  }
  return isWoken;
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
