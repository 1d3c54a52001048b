// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import type { OpenTarget, StoredRecord, Target } from './target.ts';

/** A target for tests: what is published, and what is kept for a later run, stays in memory. */
export interface MemoryTarget extends Target {
  /** What was published; null: nothing was. */
  published(): Buffer | null;
}

const REGION_BYTES = 4096;

/** @param capacityBytes what there is room for */
export function createMemoryTarget(capacityBytes = Number.POSITIVE_INFINITY): MemoryTarget {
  let published: Buffer | null = null;
  let kept: { readonly record: StoredRecord | null; readonly bytes: Buffer } | null = null;
  let isTaken = false;

  function openTaken(): OpenTarget {
    const stored =
      kept === null || kept.record === null || kept.bytes.length === 0
        ? null
        : { record: kept.record, sizeBytes: kept.bytes.length };
    const found = kept?.bytes ?? Buffer.alloc(0);
    const region = Buffer.alloc(REGION_BYTES);
    let record = kept?.record ?? null;
    let bytes = Buffer.alloc(0);
    async function requireSpace(neededBytes: number): Promise<void> {
      if (neededBytes > capacityBytes) throw new CodedError('NO_SPACE', 'there is not so much room');
    }
    return {
      stored,
      get position() {
        return bytes.length;
      },
      region: () => region,
      take(piece) {
        bytes = Buffer.concat([bytes, piece]);
        return true;
      },
      listen() {},
      async resume() {
        bytes = Buffer.from(found);
      },
      async begin(neededBytes, next) {
        bytes = Buffer.alloc(0);
        await requireSpace(neededBytes);
        record = next;
      },
      async restart() {
        bytes = Buffer.alloc(0);
      },
      requireSpace,
      async publish(expected) {
        if (expected.sizeBytes !== null && bytes.length !== expected.sizeBytes) return { kind: 'wrong-size' };
        const digest = contentDigest(bytes);
        if (expected.digest !== null && digest.hex !== expected.digest.hex)
          return { kind: 'wrong-digest', digest };
        published = bytes;
        kept = null;
        return { kind: 'accepted', digest };
      },
      async abandon(isWrong) {
        kept = isWrong || bytes.length === 0 ? null : { record, bytes };
      },
      async close() {
        isTaken = false;
      },
    };
  }

  return {
    published: () => published,
    async open() {
      if (isTaken) throw new CodedError('TARGET_BUSY', 'another download has it');
      isTaken = true;
      return openTaken();
    },
  };
}
