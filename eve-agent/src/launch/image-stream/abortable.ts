// SPDX-License-Identifier: Apache-2.0
/**
 * Content as it comes, until a signal ends it, even where the next piece never comes.
 *
 * @throws the signal's reason; whatever the content throws
 */
export async function* abortable(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const iterator = content[Symbol.asyncIterator]();
  let giveUp: (reason: unknown) => void = () => undefined;
  const onAbort = () => giveUp(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      // One promise a piece: whoever races them with one that lasts keeps them all in memory.
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        giveUp = reject;
        iterator.next().then(resolve, reject);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // It may hang: nobody waits for it.
    Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}
