// SPDX-License-Identifier: Apache-2.0
import { createCipheriv, createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

export interface DemoImage {
  readonly sizeBytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

const BLOCK_BYTES = 4 << 20;

/**
 * Writes an image that no compression and no hole in a file can shorten: the key stream of AES-CTR, which is
 * the same for the same seed.
 *
 * @param sizeBytes a multiple of 4 MiB
 */
export async function makeDemoImage(
  file: string,
  sizeBytes: number,
  seed: string,
  signal?: AbortSignal,
): Promise<DemoImage> {
  if (sizeBytes % BLOCK_BYTES !== 0) throw new RangeError(`${sizeBytes} is no multiple of ${BLOCK_BYTES}`);
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(BLOCK_BYTES);
  const hash = createHash('sha256');
  await using handle = await open(file, 'w');
  for (let written = 0; written < sizeBytes; written += BLOCK_BYTES) {
    signal?.throwIfAborted();
    const block = cipher.update(zeros);
    hash.update(block);
    await handle.write(block);
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}
