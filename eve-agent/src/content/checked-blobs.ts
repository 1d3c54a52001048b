// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { OpenBlob } from '../mirror/blob-flights.ts';
import { ContentError } from '../transfer/errors.ts';
import type { BlobCache } from './blob-cache.ts';
import { readChecked } from './checked-read.ts';
import { findDamage } from './find-damage.ts';
import { hashFile } from './hash-file.ts';

/** Blobs of a cache as they are read: what the disk has damaged is not given to its end, and goes. */
export interface CheckedBlobs {
  /** @param isWhole whether all of it will be read; of what is read in parts all is read against its digest before, once. */
  open(digest: OciDigest, isWhole: boolean): Promise<OpenBlob | null>;
  /** Of what is small. @returns null: it is not here, larger, or damaged, and gone now */
  read(digest: OciDigest, maxBytes: number): Promise<Buffer | null>;
  /**
   * Reads all of them again, one after another.
   *
   * @param bytesPerSecond how fast, so that others can work beside it
   * @throws the signal's reason
   */
  scrub(bytesPerSecond: number, signal: AbortSignal): Promise<ScrubResult>;
}

export interface ScrubResult {
  readonly checked: number;
  readonly bytes: number;
  readonly damaged: readonly string[];
}

const PIECE_BYTES = 512 * 1024;
const MAX_CHECKED = 10_000;

export function createCheckedBlobs(cache: BlobCache, log: Log, signal: AbortSignal): CheckedBlobs {
  /** Found right by this process; they may be read in parts. */
  const checked = new Set<string>();

  const isDamage = (error: unknown) => error instanceof ContentError || systemErrorCode(error) === 'EIO';
  /** What tells a file from another that has come in its place. */
  const fileAt = async (digest: OciDigest) => (await lstat(cache.pathOf(digest)).catch(() => null))?.ino;

  /**
   * Takes away what was read, unless another has come upon it before, and a new one arrived since. Never rejects: what
   * a disk that fails does not let go is found again.
   */
  async function drop(digest: OciDigest, file: number | undefined, reason: string): Promise<void> {
    if (file === undefined || (await fileAt(digest)) !== file) return;
    const text = formatDigest(digest);
    checked.delete(text);
    log.error({ digest: text, reason }, 'a blob of the cache is damaged: it is fetched anew');
    await cache.remove(digest).catch((error: unknown) => {
      log.error({ digest: text, reason: errorMessage(error) }, 'a damaged blob cannot be removed');
    });
  }

  /** Reads all of a blob that somebody holds. @returns what is wrong with it, after which it is gone; null: nothing */
  async function findWrong(
    digest: OciDigest,
    bytesPerSecond: number,
    until: AbortSignal,
  ): Promise<string | null> {
    const path = cache.pathOf(digest);
    const hash = (file: string, stop: AbortSignal) => hashFile(file, bytesPerSecond, stop, digest.algorithm);
    const file = await fileAt(digest);
    const damage = await findDamage(hash, path, digest, until);
    if (damage !== null) {
      await drop(digest, file, damage);
      return damage;
    }
    if (checked.size >= MAX_CHECKED) checked.clear();
    checked.add(formatDigest(digest));
    return null;
  }

  async function* readAll(digest: OciDigest): AsyncGenerator<Buffer> {
    const file = await fileAt(digest);
    try {
      yield* readChecked(cache.pathOf(digest), digest);
    } catch (error) {
      if (isDamage(error)) await drop(digest, file, errorMessage(error));
      throw error;
    }
  }

  return {
    async open(digest, isWhole) {
      const release = cache.hold(digest);
      try {
        const here = await cache.find(digest);
        const isGood =
          here !== null &&
          (isWhole ||
            checked.has(formatDigest(digest)) ||
            (await findWrong(digest, Number.MAX_SAFE_INTEGER, signal)) === null);
        if (here === null || !isGood) {
          release();
          return null;
        }
        const { sizeBytes } = here;
        const read = (first: number, last: number): AsyncIterable<Buffer> =>
          first === 0 && last === sizeBytes - 1
            ? readAll(digest)
            : createReadStream(cache.pathOf(digest), { start: first, end: last, highWaterMark: PIECE_BYTES });
        return { sizeBytes, read, release };
      } catch (error) {
        release();
        throw error;
      }
    },
    async read(digest, maxBytes) {
      const here = await cache.find(digest);
      if (here === null || here.sizeBytes > maxBytes) return null;
      try {
        return await buffer(readAll(digest));
      } catch {
        return null;
      }
    },
    async scrub(bytesPerSecond, until) {
      const damaged: string[] = [];
      let [count, bytes] = [0, 0];
      for (const { digest, sizeBytes } of cache.list()) {
        const release = cache.hold(digest);
        try {
          if ((await fileAt(digest)) === undefined) {
            // Others make room meanwhile: it is forgotten.
            await cache.find(digest);
            continue;
          }
          count += 1;
          bytes += sizeBytes;
          if ((await findWrong(digest, bytesPerSecond, until)) !== null) damaged.push(formatDigest(digest));
        } finally {
          release();
        }
      }
      return { checked: count, bytes, damaged };
    },
  };
}
