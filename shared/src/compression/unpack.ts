// SPDX-License-Identifier: Apache-2.0
import { pipeline, Readable, type Transform } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { systemErrorCode } from '../errors.ts';
import { CompressionError } from './compression-error.ts';
import type { Compression } from './compression-of.ts';
import type { WindowBudget } from './window-budget.ts';
import { createZstdFrames } from './zstd-frames.ts';

/**
 * What a window of zstd takes of the memory: 16 MiB. All levels up to 19 need at most 8; `--long` and `--ultra` ask for
 * 128 MiB.
 */
const MAX_ZSTD_WINDOW_LOG = 24;
/**
 * What comes out at once: more than comes in, else almost every piece is cut in two where the one that came ends. A tenth
 * of the CPU less than of 128 KiB, and a fifth fewer pieces.
 */
const PIECE_BYTES = 192 * 1024;
/** Options of a stream: one piece is unpacked, by another thread, while the one before it is worked on. */
const PIECES = { chunkSize: PIECE_BYTES, highWaterMark: 2 * PIECE_BYTES };

/** What zlib says of content; any other error as it is. */
function asCompressionError(error: unknown): unknown {
  const code = systemErrorCode(error) ?? '';
  if (code === 'Z_BUF_ERROR')
    return new CompressionError('CUT_OFF', 'the content ends too early', { cause: error });
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
    const message = 'zstd needs a larger window than is given';
    return new CompressionError('WINDOW_TOO_LARGE', message, { cause: error });
  }
  if (!/^(?:Z_|ZSTD_)/.test(code)) return error;
  // Of no member but a further one: that the first is one is known.
  if (error instanceof Error && error.message === 'incorrect header check') {
    return new CompressionError('TRAILING', 'something else follows the last member of gzip', {
      cause: error,
    });
  }
  return new CompressionError('DAMAGED', 'the compressed content is damaged', { cause: error });
}

/** Of no content. Decompressors want one at least. */
const EMPTY_FRAME = Buffer.from('28b52ffd2000010000', 'hex');

async function* framesOf(
  content: AsyncIterable<Uint8Array>,
  maxWindowLog: number,
  budget: WindowBudget | undefined,
): AsyncGenerator<Uint8Array> {
  const frames = createZstdFrames();
  let claimedBytes = 0;
  let release = () => {};
  yield EMPTY_FRAME;
  try {
    for await (const bytes of content) {
      const pieces = frames.split(bytes);
      const windowBytes = Math.min(frames.windowBytes(), 2 ** maxWindowLog);
      if (budget !== undefined && windowBytes > claimedBytes) {
        // Whoever waits holds nothing: two that need more could wait for each other.
        release();
        release = await budget.claim(windowBytes);
        claimedBytes = windowBytes;
      }
      yield* pieces;
    }
    frames.end();
  } finally {
    release();
  }
}

export interface UnpackLimits {
  /** Of zstd's window, as a power of two. */
  readonly maxWindowLog?: number;
  /** Of the memory that all who have it may take at once; others wait. */
  readonly budget?: WindowBudget | undefined;
}

function decompressorOf(compression: Compression, maxWindowLog: number): Transform {
  if (compression === 'gzip') return createGunzip(PIECES);
  return createZstdDecompress({
    ...PIECES,
    params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
  });
}

/**
 * Unpacks content as it comes: all members of a gzip file, and all frames of one of zstd. Zeros behind the last member
 * are passed over, as by `gzip -d`. What else follows is refused: so does `zstd -d`, and `gzip -d` warns of it.
 *
 * @throws CompressionError; whatever `content` throws
 */
export async function* unpack(
  content: AsyncIterable<Uint8Array>,
  compression: Compression,
  { maxWindowLog = MAX_ZSTD_WINDOW_LOG, budget }: UnpackLimits = {},
): AsyncGenerator<Uint8Array> {
  const iterator = content[Symbol.asyncIterator]();
  let isEnded = false;
  async function* given() {
    for (;;) {
      const next = await iterator.next();
      if (next.done) break;
      yield next.value;
    }
    isEnded = true;
  }
  const decompressor = decompressorOf(compression, maxWindowLog);
  // As objects, so that pieces stay as they are: no piece may reach over the end of a frame.
  const pieces = Readable.from(compression === 'zstd' ? framesOf(given(), maxWindowLog, budget) : given());
  // Whatever happens, the decompressor hears of it.
  pipeline(pieces, decompressor, () => {});
  try {
    yield* decompressor as AsyncIterable<Uint8Array>;
    // Of gzip nothing is read behind zeros: whoever sends them is heard to the end.
    while (!isEnded) isEnded = (await iterator.next()).done === true;
  } catch (error) {
    throw asCompressionError(error);
  } finally {
    await iterator.return?.();
  }
}
