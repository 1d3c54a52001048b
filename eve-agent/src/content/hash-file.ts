// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import { createPace } from '../transfer/pace.ts';

const CHUNK_BYTES = 1024 * 1024;

export interface HashedFile {
  /** The digest, in hexadecimal digits. */
  readonly hex: string;
  readonly sizeBytes: number;
}

/**
 * Reads a file from its first to its last byte.
 *
 * @param bytesPerSecond how fast, so that others can work beside it
 * @throws the system's error; the signal's reason
 */
export async function hashFile(
  path: string,
  bytesPerSecond: number,
  signal: AbortSignal,
  algorithm: OciAlgorithm = 'sha256',
): Promise<HashedFile> {
  const hash = createHash(algorithm);
  const pace = createPace(bytesPerSecond, () => performance.now());
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES, signal })) {
    const bytes = chunk as Buffer;
    hash.update(bytes);
    sizeBytes += bytes.length;
    const delayMs = pace.take(bytes.length);
    if (delayMs > 0) await wait(delayMs, undefined, { signal });
  }
  return { hex: hash.digest('hex'), sizeBytes };
}
