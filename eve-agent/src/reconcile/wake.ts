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
