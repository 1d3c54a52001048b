// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { expect, it } from 'vitest';
import type { Collection } from '../blobs/collection.ts';
import { keepUp } from './upkeep.ts';

const HOUR_MS = 3_600_000;

/** What is done in so many hours, one letter a call: u for uploads, c for a collection. */
async function run(hours: number, collectEveryMs: number | undefined, isFailing = false): Promise<string> {
  const ending = new AbortController();
  let passedMs = 0;
  let done = '';
  const note = (letter: string) => {
    done += letter;
    if (isFailing) throw new Error('EIO');
  };
  await keepUp(
    {
      log: silentLog,
      store: { collectAbandoned: async () => 0 },
      uploads: { expiryMs: HOUR_MS, collectExpired: async () => 0 },
      registry: {
        async collectAbandoned() {
          note('u');
          return 0;
        },
        collection: { run: async () => note('c') } as unknown as Collection,
      },
      elapsed: () => passedMs,
      async wait(ms) {
        passedMs += ms;
        if (passedMs >= hours * HOUR_MS) ending.abort();
      },
    },
    { collectEveryMs },
    ending.signal,
  );
  return done;
}

it.each<[string, number | undefined, boolean, string]>([
  ['hourly', HOUR_MS, false, 'uucucucuc'],
  ['every other hour', 2 * HOUR_MS, false, 'uucuucu'],
  ['never', undefined, false, 'uuuuu'],
  ['hourly, though it fails', HOUR_MS, true, 'uucucucuc'],
])('collects %s, the first time after an hour', async (_what, everyMs, isFailing, done) => {
  expect(await run(5, everyMs, isFailing)).toBe(done);
});
