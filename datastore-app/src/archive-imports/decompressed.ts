import { pipeline, Readable, type Transform } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { ArchiveError, invalidArchive } from './archive-error.ts';

/** What a window of zstd takes of the memory: `--long` and `--ultra` ask for 128 MiB, all levels up to 19 for 8. */
const MAX_ZSTD_WINDOW_LOG = 24;
/** An archive of this size may be anything; a larger one that was made of this little is made to do harm. */
const UNJUDGED_BYTES = 1024 ** 3;
const MAX_RATIO = 200;
const MAGIC_BYTES = 6;

type Compression = 'gzip' | 'zstd' | 'none';
/** How files begin that `docker save | …` makes of archives (RFC 1952 §2.3.1, RFC 8878 §3.1.1). */
const TAKEN: readonly (readonly [magic: string, compression: Compression])[] = [
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
];
const NOT_TAKEN: readonly (readonly [magic: string, name: string])[] = [
  ['fd377a585a00', 'xz'],
  ['425a68', 'bzip2'],
  ['04224d18', 'lz4'],
  ['504b0304', 'zip'],
];

/** @throws ArchiveError for what is compressed in another way */
function compressionOf(head: Buffer): Compression {
  const text = head.toString('hex');
  const other = NOT_TAKEN.find(([magic]) => text.startsWith(magic));
  if (other !== undefined) {
    throw invalidArchive(`It is compressed with ${other[1]}: compress it with gzip or zstd, or not at all.`);
  }
  return TAKEN.find(([magic]) => text.startsWith(magic))?.[1] ?? 'none';
}

/** Reads the first bytes, and gives all of them back. */
async function peek(content: AsyncIterable<Uint8Array>): Promise<{
  readonly head: Buffer;
  readonly all: AsyncGenerator<Uint8Array>;
}> {
  const iterator = content[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let length = 0;
  while (length < MAGIC_BYTES) {
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

const createDecompressor = (compression: Exclude<Compression, 'none'>): Transform =>
  compression === 'gzip'
    ? createGunzip()
    : createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG } });

/** What zlib says of content, in words for a person; any other error as it is. */
function asArchiveError(error: unknown): unknown {
  const code = systemErrorCode(error) ?? '';
  if (code === 'Z_BUF_ERROR') return invalidArchive('It is cut off: only a part of it came.', error);
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
    const message = 'It takes too much memory: compress it without --long and --ultra.';
    return new ArchiveError('ARCHIVE_TOO_LARGE', message, { cause: error });
  }
  if (!/^(?:Z_|ZSTD_)/.test(code)) return error;
  return invalidArchive('What it is compressed with is damaged.', error);
}

/**
 * Content as it was before it was compressed, which its first bytes tell: gzip, zstd, or not at all.
 *
 * @throws ArchiveError; whatever `content` throws
 */
export async function* decompressed(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, all } = await peek(content);
  const compression = compressionOf(head);
  if (compression === 'none') {
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
  const decompressor = createDecompressor(compression);
  // Whatever happens, the decompressor hears of it.
  pipeline(Readable.from(counted(), { objectMode: false }), decompressor, () => {});
  try {
    for await (const piece of decompressor as AsyncIterable<Uint8Array>) {
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
