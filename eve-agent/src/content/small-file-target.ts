// SPDX-License-Identifier: Apache-2.0
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory, writeSynced } from '@local-datastore/shared/files/durable-file';
import { removeFile } from '@local-datastore/shared/files/remove-file';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import type { OpenTarget, Target } from '../transfer/target.ts';
import { requireFreeSpace } from './free-space.ts';
import { partialPaths, wrapStorageError } from './partial-file.ts';
import { lockTarget } from './target-lock.ts';
import { isWrongSize, judgeDigest } from './verdict.ts';

/**
 * A file of a size that is known and small as the target of a download: without a thread and its memory, several at a
 * time cost little. It is left whole and verified, or as it was; of a download that fails nothing is kept.
 *
 * @param path absolute, of the file to make or replace
 * @param maxBytes what comes beyond is counted and not kept
 * @param algorithm of the digest that is expected
 */
export function createSmallFileTarget(
  path: string,
  maxBytes: number,
  algorithm: OciAlgorithm = 'sha256',
): Target {
  return {
    async open() {
      try {
        return openTarget(path, maxBytes, algorithm, await lockTarget(path));
      } catch (error) {
        throw wrapStorageError(error, path);
      }
    },
  };
}

function openTarget(path: string, maxBytes: number, algorithm: OciAlgorithm, unlock: () => void): OpenTarget {
  const memory = Buffer.allocUnsafe(maxBytes);
  let position = 0;

  async function write(bytes: Buffer): Promise<void> {
    const { file, record } = partialPaths(path);
    await removeFile(file);
    await writeSynced(file, bytes, { mode: 0o666, flags: 'wx' });
    await rename(file, path);
    await removeFile(record);
    await syncDirectory(dirname(path));
  }

  return {
    stored: null,
    get position() {
      return position;
    },
    region: () => (position < maxBytes ? memory.subarray(position) : undefined),
    take(bytes) {
      if (bytes.buffer !== memory.buffer || bytes.byteOffset !== memory.byteOffset + position) {
        memory.set(bytes.subarray(0, Math.max(maxBytes - position, 0)), Math.min(position, maxBytes));
      }
      position += bytes.length;
      return true;
    },
    listen() {},
    async resume() {},
    async begin(neededBytes) {
      position = 0;
      await requireFreeSpace(path, neededBytes);
    },
    async restart() {
      position = 0;
    },
    requireSpace: (neededBytes) => requireFreeSpace(path, neededBytes),
    async publish(expected) {
      if (position > maxBytes || isWrongSize(position, expected)) return { kind: 'wrong-size' };
      const bytes = memory.subarray(0, position);
      const verdict = judgeDigest(contentDigest(bytes, algorithm), expected);
      try {
        if (verdict.kind === 'accepted') await write(bytes);
      } catch (error) {
        await removeFile(partialPaths(path).file);
        throw wrapStorageError(error, path);
      }
      return verdict;
    },
    async abandon() {},
    async close() {
      unlock();
    },
  };
}
