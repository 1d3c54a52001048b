// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createUploadLocker } from './upload-locker.ts';

const NEVER = new AbortController().signal;

it('lets one in at a time, in turn, and asks the one inside to end', async () => {
  const locker = createUploadLocker();
  const events: string[] = [];
  const enter = async (name: string) => {
    const lock = locker.newLock('a');
    await lock.lock(NEVER, () => void events.push(`${name} is asked to end`));
    events.push(`${name} in`);
    return lock;
  };
  const first = await enter('first');
  const second = enter('second');
  await new Promise((resolve) => setImmediate(resolve));
  expect(events).toEqual(['first in', 'first is asked to end']);
  await first.unlock();
  await (await second).unlock();
  await (await enter('third')).unlock();
  expect(events.slice(2)).toEqual(['second in', 'third in']);
});

it('keeps uploads apart', async () => {
  const locker = createUploadLocker();
  await locker.newLock('a').lock(NEVER, () => {});
  await locker.newLock('b').lock(NEVER, () => {});
});

it('lets go of who no longer waits', async () => {
  const locker = createUploadLocker();
  const holder = locker.newLock('a');
  await holder.lock(NEVER, () => {});
  const gone = new AbortController();
  const waiting = locker.newLock('a').lock(gone.signal, () => {});
  gone.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  await holder.unlock();
  await locker.newLock('a').lock(NEVER, () => {});
});
