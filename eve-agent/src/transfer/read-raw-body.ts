// SPDX-License-Identifier: Apache-2.0
import type { BodyReceiver } from './fetch-body.ts';
import type { BodyEnd, UnreadFlow } from './raw-body.ts';
import { watchStall } from './stall-watch.ts';

/** Where a body goes. */
export interface RawBodyPlace {
  readonly receiver: BodyReceiver;
  /** The receiver's own memory for what comes next; undefined: it has none at the moment. */
  region(): Uint8Array | undefined;
}

/** Where bytes land that the receiver has no memory for. */
const LANDING_BYTES = 64 * 1024;

/**
 * Reads exactly so many bytes of a flow, whatever they are, and no byte more. The flow is of no more use then.
 *
 * @param restBytes 1 at least
 * @param stallTimeoutMs no byte for this long ends it
 * @throws what the receiver fails with; the signal's reason
 */
export function readRawBody(
  { flow, read }: UnreadFlow,
  restBytes: number,
  { receiver, region }: RawBodyPlace,
  stallTimeoutMs: number,
  signal: AbortSignal,
): Promise<BodyEnd> {
  const landing = Buffer.allocUnsafe(LANDING_BYTES);
  let remainingBytes = restBytes;
  let isPaused = false;
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      stall.stop();
      signal.removeEventListener('abort', onAbort);
      receiver.listen(
        () => {},
        () => {},
      );
      flow.destroy();
      then();
    };
    const end = (how: BodyEnd) => settle(() => resolve(how));
    const fail = (error: unknown) => settle(() => reject(error));
    const onAbort = () => fail(signal.reason);
    const lose = (error: Error) => end({ kind: 'lost', error });
    const stall = watchStall(
      stallTimeoutMs,
      () => isPaused,
      () => end({ kind: 'stalled' }),
    );
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    receiver.listen(() => {
      if (!isPaused) return;
      isPaused = false;
      flow.resume();
    }, fail);
    const early = () =>
      lose(new Error(`the connection was closed ${remainingBytes} bytes before the end of the body`));
    flow.on('error', lose).on('end', early).on('close', early);
    read({
      buffer() {
        const memory = (isPaused ? undefined : region()) ?? landing;
        return memory.length > remainingBytes ? memory.subarray(0, Math.max(remainingBytes, 1)) : memory;
      },
      callback(byteCount, { buffer, byteOffset }) {
        if (remainingBytes === 0) return false;
        stall.hear();
        remainingBytes -= byteCount;
        isPaused = !receiver.take(Buffer.from(buffer, byteOffset, byteCount));
        if (remainingBytes > 0) return !isPaused;
        end({ kind: 'whole' });
        return false;
      },
    });
  });
}
