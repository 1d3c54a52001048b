// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { type AppRecord, judgeCounters } from './counters.ts';

const LAST: AppRecord = { restartCounter: 2, purgeCounter: 1, purgeText: 'v', restartText: 'c' };

it.each<[string, AppRecord | null, Partial<AppRecord>, string]>([
  ['never started', null, {}, 'none'],
  ['nothing changed', LAST, {}, 'none'],
  ['restart', LAST, { restartCounter: 3 }, 'restart'],
  ['restart by more than one', LAST, { restartCounter: 9 }, 'restart'],
  ['restart with another configuration', LAST, { restartCounter: 3, restartText: 'd' }, 'restart'],
  ['purge', LAST, { purgeCounter: 2 }, 'purge'],
  ['purge with other volumes', LAST, { purgeCounter: 2, purgeText: 'w' }, 'purge'],
  ['both', LAST, { purgeCounter: 2, restartCounter: 3 }, 'purge'],
  ['counters that fell', LAST, { purgeCounter: 0, restartCounter: 0 }, 'none'],
  ['other volumes alone', LAST, { purgeText: 'w' }, 'refused'],
  ['other volumes with a restart', LAST, { purgeText: 'w', restartCounter: 3 }, 'refused'],
  ['another configuration alone', LAST, { restartText: 'd' }, 'refused'],
])('%s', (_name, last, change, kind) => {
  expect(judgeCounters(last, { ...LAST, ...change })).toMatchObject({ kind });
});
