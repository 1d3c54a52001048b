// SPDX-License-Identifier: Apache-2.0
import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { unlessAborted } from './unless-aborted.ts';

it('is what the promise comes to, and listens no more', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(5), signal)).toBe(5);
  await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it.each([true, false])('ends with the signal’s reason: aborted before %s', async (isBefore) => {
  const stop = new AbortController();
  const reason = new Error('given up');
  if (isBefore) stop.abort(reason);
  const { promise, reject } = Promise.withResolvers<never>();
  const waited = unlessAborted(promise, stop.signal);
  stop.abort(reason);
  await expect(waited).rejects.toBe(reason);
  // Nobody waits for what comes of it later, and nobody has to.
  promise.catch(() => {});
  reject(new Error('late'));
});
