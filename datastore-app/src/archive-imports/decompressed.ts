// SPDX-License-Identifier: Apache-2.0
import { CompressionError } from '@local-datastore/shared/compression/compression-error';
import {
  COMPRESSION_MAGIC_BYTES,
  type Compression,
  compressionOf,
  isUnpacked,
} from '@local-datastore/shared/compression/compression-of';
import { unpack } from '@local-datastore/shared/compression/unpack';
import type { WindowBudget } from '@local-datastore/shared/compression/window-budget';
import { ArchiveError, invalidArchive } from './archive-error.ts';

/** An archive of this size may be anything; a larger one that was made of this little is made to do harm. */
const UNJUDGED_BYTES = 1024 ** 3;
const MAX_RATIO = 200;

/** Reads the first bytes, and gives all of them back. */
async function peek(content: AsyncIterable<Uint8Array>): Promise<{
  readonly head: Buffer;
  readonly all: AsyncGenerator<Uint8Array>;
}> {
  const iterator = content[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let length = 0;
  while (length < COMPRESSION_MAGIC_BYTES) {
    const next = await iterator.next();
    if (next.done) break;
    seen.push(next.value);
    length += next.value.length;
  }
  async function* all() {
    try {
      yield* seen;
      for (;;) {
        const next = await iterator.next();
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { head: Buffer.concat(seen), all: all() };
}

/** What the content is unpacked with; undefined: not at all. @throws ArchiveError for what is compressed in another way */
function compressionIn(head: Buffer): Compression | undefined {
  const compression = compressionOf(head);
  if (compression === undefined || isUnpacked(compression)) return compression;
  throw invalidArchive(`It is compressed with ${compression}: compress it with gzip or zstd, or not at all.`);
}

/** Why content cannot be unpacked, in words for a person; any other error as it is. */
function asArchiveError(error: unknown): unknown {
  if (!(error instanceof CompressionError)) return error;
  switch (error.code) {
    case 'CUT_OFF':
      return invalidArchive('It is cut off: only a part of it came.', error);
    case 'TRAILING':
      return invalidArchive('Something that is not compressed follows what is.', error);
    case 'DAMAGED':
      return invalidArchive('What it is compressed with is damaged.', error);
    case 'WINDOW_TOO_LARGE': {
      const message = 'It takes too much memory: compress it without --long and --ultra.';
      return new ArchiveError('ARCHIVE_TOO_LARGE', message, { cause: error });
    }
  }
}

/**
 * Content as it was before it was compressed, which its first bytes tell: gzip, zstd, or not at all.
 *
 * @param budget of the memory that imports may take for it at once; others wait
 * @throws ArchiveError; whatever `content` throws
 */
export async function* decompressed(
  content: AsyncIterable<Uint8Array>,
  budget?: WindowBudget,
): AsyncGenerator<Uint8Array> {
  const { head, all } = await peek(content);
  const compression = compressionIn(head);
  if (compression === undefined) {
    yield* all;
    return;
  }
  let compressedBytes = 0;
  let bytes = 0;
  async function* counted() {
    for await (const piece of all) {
      compressedBytes += piece.length;
      yield piece;
    }
  }
  try {
    for await (const piece of unpack(counted(), compression, { budget })) {
      bytes += piece.length;
      if (bytes > UNJUDGED_BYTES && bytes > MAX_RATIO * compressedBytes) {
        throw new ArchiveError(
          'ARCHIVE_TOO_LARGE',
          `It is more than ${MAX_RATIO} times as large as what it is compressed to: send it as it is.`,
        );
      }
      yield piece;
    }
  } catch (error) {
    throw asArchiveError(error);
  }
}
