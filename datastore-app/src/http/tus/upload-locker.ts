// SPDX-License-Identifier: Apache-2.0
import type { Lock, Locker, RequestRelease } from '@tus/server';

interface Holder {
  readonly requestRelease: RequestRelease;
  /** Settles when the lock is free again. */
  readonly released: Promise<void>;
  release(): void;
}

/**
 * Lets one request at a time work on an upload. Who comes next asks the holder to end: a client that resumes
 * need not wait until its own broken connection is noticed. (@tus/server 2.4's own locker does the same, but
 * turns round and round while it waits, and gives up after 30 s, which publishing a large image can take.)
 */
export function createUploadLocker(): Locker {
  const holders = new Map<string, Holder>();

  async function acquire(id: string, signal: AbortSignal, requestRelease: RequestRelease): Promise<Holder> {
    for (let current = holders.get(id); current !== undefined; current = holders.get(id)) {
      await current.requestRelease();
      await Promise.race([current.released, aborted(signal)]);
      signal.throwIfAborted();
    }
    const { promise: released, resolve } = Promise.withResolvers<void>();
    const holder: Holder = {
      requestRelease,
      released,
      release() {
        if (holders.get(id) === holder) holders.delete(id);
        resolve();
      },
    };
    holders.set(id, holder);
    return holder;
  }

  return {
    newLock(id): Lock {
      let holder: Holder | undefined;
      return {
        async lock(signal, requestRelease) {
          holder = await acquire(id, signal, requestRelease);
        },
        async unlock() {
          holder?.release();
        },
      };
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
