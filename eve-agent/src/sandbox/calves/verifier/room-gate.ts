// SPDX-License-Identifier: Apache-2.0
import type { BodyReceiver } from '../../../transfer/fetch-body.ts';
import type { OpenTarget } from '../../../transfer/target.ts';

/** Room is looked for once for so much, where nobody knows how much is to come. */
const STEP_BYTES = 64 * 1024 * 1024;

/** Takes bytes in for a target, and looks for room for them where a calf's word is not enough. */
export interface RoomGate extends BodyReceiver {
  /** There is room up to this offset of the file. */
  allow(offset: number): void;
}

/** @param isSizeKnown so that room for all of it was looked for at once */
export function createRoomGate(
  target: Pick<OpenTarget, 'position' | 'take' | 'listen' | 'requireSpace'>,
  isSizeKnown: boolean,
): RoomGate {
  let allowedBytes = 0;
  let isLooking = false;
  let hasRoom = true;
  let onSpace = () => {};
  let onFailure: (error: Error) => void = () => {};

  async function allowMore(): Promise<void> {
    isLooking = true;
    try {
      await target.requireSpace(STEP_BYTES);
      allowedBytes = target.position + STEP_BYTES;
      isLooking = false;
      if (hasRoom) onSpace();
    } catch (error) {
      onFailure(error as Error);
    }
  }

  return {
    allow(offset) {
      allowedBytes = offset;
    },
    take(bytes) {
      hasRoom = target.take(bytes);
      if (!isSizeKnown && !isLooking && target.position > allowedBytes) void allowMore();
      return hasRoom && !isLooking;
    },
    listen(listener, failed) {
      onSpace = listener;
      onFailure = failed;
      target.listen(() => {
        hasRoom = true;
        if (!isLooking) onSpace();
      }, failed);
    },
  };
}
