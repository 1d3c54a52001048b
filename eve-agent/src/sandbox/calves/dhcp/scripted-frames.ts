// SPDX-License-Identifier: Apache-2.0
/** For tests: a link on which only the test is a neighbour. */
import type { FrameChannel, ReceivedFrame } from './frame-channel.ts';

export interface ScriptedFrames extends FrameChannel {
  /** What the client sent, in order. */
  readonly sent: readonly Buffer[];
  /** Hands the client a frame. @returns when it wants the next one */
  deliver(bytes: Buffer, isChecksumLeftOut?: boolean): Promise<void>;
}

export function createScriptedFrames(): ScriptedFrames {
  const sent: Buffer[] = [];
  let isClosed = false;
  let give: ((frame: ReceivedFrame | null) => void) | undefined;
  let wanted = Promise.withResolvers<void>();
  return {
    sent,
    read() {
      if (isClosed) return Promise.resolve(null);
      const { promise, resolve } = Promise.withResolvers<ReceivedFrame | null>();
      give = resolve;
      wanted.resolve();
      return promise;
    },
    async write(frame) {
      sent.push(frame);
    },
    close() {
      isClosed = true;
      give?.(null);
    },
    async deliver(bytes, isChecksumLeftOut = false) {
      await wanted.promise;
      wanted = Promise.withResolvers();
      give?.({ bytes, isChecksumLeftOut });
      await wanted.promise;
    },
  };
}
