// SPDX-License-Identifier: Apache-2.0
/**
 * What a promise comes to, as long as it is waited for; the work behind it goes on.
 *
 * @throws as the promise; the signal's reason as soon as that is aborted
 */
export async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
