import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { ContentError } from '../transfer/errors.ts';

const READ_BYTES = 512 * 1024;

/**
 * Reads a whole file that has to have a digest. The last piece is given out once all of it is right: what is wrong
 * never looks whole.
 *
 * @param sha256 as 64 hexadecimal digits
 * @throws ContentError `DIGEST_MISMATCH`; the system's errors
 */
export async function* readChecked(path: string, sha256: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  for await (const piece of createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
    if (held !== undefined) yield held;
    hash.update(piece);
    held = piece;
  }
  const found = hash.digest('hex');
  if (found !== sha256) {
    const details = { found, expected: sha256 };
    throw new ContentError('DIGEST_MISMATCH', `the sha256 of ${path} is ${found} now`, { details });
  }
  if (held !== undefined) yield held;
}
