// SPDX-License-Identifier: Apache-2.0
import { StoreError } from './store-error.ts';

export interface SpaceOptions {
  /** Kept free on the volume. */
  readonly reserveBytes: number;
  /** What all images together may take; undefined: the volume is the limit. */
  readonly quotaBytes: number | undefined;
}

export interface SpaceDeps {
  /** What is free on the volume for this process. */
  freeBytes(): Promise<number>;
  /** What the published images take, without those at paths that are to be replaced. */
  usedBytes(replaced: ReadonlySet<string>): number;
  /** Removes what is kept only as long as there is room. @returns whether there was any */
  makeRoom?(): Promise<boolean>;
}

/** The room of one incoming image, from its first byte until it is published or given up. */
export interface SpaceClaim {
  /**
   * To be called before bytes are written.
   *
   * @throws StoreError NO_SPACE or QUOTA_EXCEEDED
   */
  spend(bytes: number): Promise<void>;
  /** Whether what was claimed is still there: others than the datastore fill volumes too. @throws StoreError */
  requireRoom(): Promise<void>;
  /** Gives back what was not spent: nothing more is written. */
  settle(): void;
  /** Idempotent. */
  release(): void;
}

/** Shares the free space among the images that are coming in, so that together they do not fill the volume. */
export interface Space {
  /**
   * @param sizeBytes where it is known; otherwise space is claimed as it is spent; 0: not before
   * @param path where the image is to stand: what stands there now will not count any more. On the disk both
   *   must fit.
   * @throws StoreError NO_SPACE or QUOTA_EXCEEDED
   */
  claim(sizeBytes: number | undefined, path?: string): Promise<SpaceClaim>;
  /** Takes up a claim of before a restart, which was judged then. */
  resume(sizeBytes: number, spentBytes: number, path?: string): SpaceClaim;
}

/** An image of unknown size claims this much at a time. */
const STEP_BYTES = 16 * 1024 * 1024;

interface Room {
  readonly path: string | undefined;
  claimedBytes: number;
  spentBytes: number;
  isReleased: boolean;
}

export function createSpace(deps: SpaceDeps, { reserveBytes, quotaBytes }: SpaceOptions): Space {
  const rooms = new Set<Room>();

  async function requireRoom(wantedBytes: number): Promise<void> {
    try {
      await judge(wantedBytes);
    } catch (error) {
      if (!(error instanceof StoreError) || !(await deps.makeRoom?.())) throw error;
      await judge(wantedBytes);
    }
  }

  /** @throws StoreError */
  async function judge(wantedBytes: number): Promise<void> {
    let claimedBytes = 0;
    let unspentBytes = 0;
    const replaced = new Set<string>();
    for (const room of rooms) {
      if (room.path !== undefined) replaced.add(room.path);
      claimedBytes += room.claimedBytes;
      unspentBytes += room.claimedBytes - room.spentBytes;
    }
    if (quotaBytes !== undefined && deps.usedBytes(replaced) + claimedBytes > quotaBytes) {
      throw new StoreError(
        'QUOTA_EXCEEDED',
        `The images would take more than their quota of ${quotaBytes} bytes: delete some, or raise the quota.`,
        { details: { quotaBytes, wantedBytes } },
      );
    }
    const freeBytes = await deps.freeBytes();
    if (unspentBytes > freeBytes - reserveBytes) {
      throw new StoreError(
        'NO_SPACE',
        `${wantedBytes} bytes do not fit: the volume has ${freeBytes} free, of which ${reserveBytes} are kept free.`,
        { details: { freeBytes, reserveBytes, wantedBytes } },
      );
    }
  }

  async function grow(room: Room, bytes: number, require = requireRoom): Promise<void> {
    // Given up while it waited: nothing of it stays.
    if (room.isReleased) return;
    // Entered before it is judged: of two that come at once, not both may have the same space.
    rooms.add(room);
    room.claimedBytes += bytes;
    try {
      await require(bytes);
    } catch (error) {
      room.claimedBytes -= bytes;
      if (room.claimedBytes === 0) rooms.delete(room);
      throw error;
    }
  }

  /** Claims a step, or no more than what is needed where a step does not fit any more. */
  async function growForSpending(room: Room, missing: number): Promise<void> {
    if (missing < STEP_BYTES) {
      try {
        await grow(room, STEP_BYTES, judge);
        return;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
      }
    }
    await grow(room, missing);
  }

  const claimOf = (room: Room): SpaceClaim => ({
    async spend(bytes) {
      const missing = room.spentBytes + bytes - room.claimedBytes;
      if (missing > 0) await growForSpending(room, missing);
      room.spentBytes += bytes;
    },
    requireRoom: () => requireRoom(room.claimedBytes - room.spentBytes),
    settle() {
      room.claimedBytes = room.spentBytes;
    },
    release() {
      room.isReleased = true;
      rooms.delete(room);
    },
  });

  return {
    async claim(sizeBytes, path) {
      const room: Room = { path, claimedBytes: 0, spentBytes: 0, isReleased: false };
      await grow(room, sizeBytes ?? STEP_BYTES);
      return claimOf(room);
    },
    resume(sizeBytes, spentBytes, path) {
      const room: Room = { path, claimedBytes: sizeBytes, spentBytes, isReleased: false };
      rooms.add(room);
      return claimOf(room);
    },
  };
}
