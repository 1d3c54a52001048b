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
  /** What the published images take. */
  usedBytes(): number;
}

/** What one incoming image may still write. */
export interface SpaceClaim {
  /**
   * To be called before bytes are written.
   *
   * @throws StoreError NO_SPACE or QUOTA_EXCEEDED
   */
  spend(bytes: number): Promise<void>;
  /** Idempotent. */
  release(): void;
}

/** Shares the free space among the images that are coming in, so that together they do not fill the volume. */
export interface Space {
  /**
   * @param sizeBytes where it is known; otherwise space is claimed as it is spent
   * @throws StoreError NO_SPACE or QUOTA_EXCEEDED
   */
  claim(sizeBytes: number | undefined): Promise<SpaceClaim>;
}

/** An image of unknown size claims this much at a time. */
const STEP_BYTES = 16 * 1024 * 1024;

export function createSpace(deps: SpaceDeps, { reserveBytes, quotaBytes }: SpaceOptions): Space {
  const claims = new Set<{ claimedBytes: number; spentBytes: number }>();

  async function requireRoom(wantedBytes: number): Promise<void> {
    let claimedBytes = 0;
    let unspentBytes = 0;
    for (const claim of claims) {
      claimedBytes += claim.claimedBytes;
      unspentBytes += claim.claimedBytes - claim.spentBytes;
    }
    if (quotaBytes !== undefined && deps.usedBytes() + claimedBytes > quotaBytes) {
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

  return {
    async claim(sizeBytes) {
      const claim = { claimedBytes: 0, spentBytes: 0 };
      const grow = async (bytes: number) => {
        // Entered before it is judged: of two that come at once, not both may have the same room.
        claims.add(claim);
        claim.claimedBytes += bytes;
        try {
          await requireRoom(bytes);
        } catch (error) {
          claim.claimedBytes -= bytes;
          if (claim.claimedBytes === 0) claims.delete(claim);
          throw error;
        }
      };
      await grow(sizeBytes ?? STEP_BYTES);
      return {
        async spend(bytes) {
          const missing = claim.spentBytes + bytes - claim.claimedBytes;
          if (missing > 0) await grow(Math.max(missing, STEP_BYTES));
          claim.spentBytes += bytes;
        },
        release() {
          claims.delete(claim);
        },
      };
    },
  };
}
