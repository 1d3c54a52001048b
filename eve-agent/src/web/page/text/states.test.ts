// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { moodOf } from './states.ts';

it.each([
  ['RUNNING', '', 'good'],
  ['VERIFIED', '', 'good'],
  ['RUNNING', 'its port is taken', 'bad'],
  ['BROKEN', '', 'bad'],
  ['HALTED', '', 'off'],
  ['INITIAL', '', 'off'],
  ['DOWNLOADING', '', 'busy'],
  ['PURGING', '', 'busy'],
] as const)('%s with the error %j looks %s', (state, error, mood) => {
  expect(moodOf(state, error)).toBe(mood);
});
