// SPDX-License-Identifier: Apache-2.0
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { expect, it } from 'vitest';
import { beat } from './heartbeat.ts';
import { keyPathText } from './key-path.ts';
import { DEFAULT_STORE_LIMITS } from './serve-store.ts';
import { StoreError } from './store-error.ts';

it.each([
  ['that answers', async () => null],
  ['that refuses for now', () => Promise.reject(new StoreError('BUSY', 'too many questions'))],
])('a store %s is asked often enough, until it has ended', async (_what, answer) => {
  const clock = createManualClock();
  const { promise: closed, resolve: end } = Promise.withResolvers<string>();
  const asked: string[] = [];
  const read = (path: readonly string[]) => {
    asked.push(keyPathText(path));
    return answer();
  };
  beat({ read, closed }, clock);
  clock.advance(DEFAULT_STORE_LIMITS.silentMs);
  expect(asked.length).toBeGreaterThanOrEqual(4);
  expect(new Set(asked)).toEqual(new Set(['/alive']));
  end('closed');
  await closed;
  expect(clock.pendingTimers()).toBe(0);
});
