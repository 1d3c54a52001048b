// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { ContentError } from '../transfer/errors.ts';

const READ_BYTES = 512 * 1024;

/**
 * Reads a whole file that has to have a digest. The last piece is given out once all of it is right: what is wrong
 * never looks whole.
 *
 * @param digest what all of it has to have
 * @throws ContentError `DIGEST_MISMATCH`; the system's errors
 */
export async function* readChecked(path: string, digest: OciDigest): AsyncGenerator<Buffer> {
  const hash = createHash(digest.algorithm);
  let held: Buffer | undefined;
  for await (const piece of createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
    if (held !== undefined) yield held;
    hash.update(piece);
    held = piece;
  }
  const found = hash.digest('hex');
  if (found !== digest.hex) {
    const details = { found, expected: digest.hex };
    throw new ContentError('DIGEST_MISMATCH', `the ${digest.algorithm} of ${path} is ${found} now`, {
      details,
    });
  }
  if (held !== undefined) yield held;
}
