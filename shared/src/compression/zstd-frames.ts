// SPDX-License-Identifier: Apache-2.0
import { CompressionError } from './compression-error.ts';

/** RFC 8878 §3.1.1 and §3.1.2, read as little-endian numbers. */
const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const CHECKSUM_BYTES = 4;
/** §3.1.1.1.1.1 and .6: by the flags of the descriptor. */
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/** What comes next: fields that say how it goes on, and bytes that only the decompressor understands. */
type Field =
  | 'magic'
  | 'descriptor'
  | 'header'
  | 'block-header'
  | 'block'
  | 'checksum'
  | 'skip-size'
  | 'skipped';
const FIELD_BYTES: Partial<Record<Field, number>> = {
  magic: 4,
  descriptor: 1,
  'block-header': 3,
  checksum: CHECKSUM_BYTES,
  'skip-size': 4,
};

/** Bytes of the header behind its descriptor (§3.1.1.1). */
function headerBytes(descriptor: number): number {
  const sizeFlag = descriptor >> 6;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const windowBytes = isSingleSegment ? 0 : 1;
  const contentSizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  return windowBytes + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + contentSizeBytes;
}

/** Of a frame (§3.1.1.1.2 and .4). @param header what follows the descriptor */
function windowOf(descriptor: number, header: readonly number[]): number {
  const [first = 0] = header;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) return 2 ** (10 + (first >> 3)) * (1 + (first & 7) / 8);
  const size = header.slice(DICTIONARY_ID_BYTES[descriptor & 3] ?? 0);
  const bytes = size.reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0);
  return size.length === 2 ? bytes + 256 : bytes;
}

/** Takes the stream of a zstd file apart. */
export interface ZstdFrames {
  /**
   * What of the next bytes belongs to frames of data, in pieces of which none reaches over the end of a frame. What is to
   * be skipped is left out.
   *
   * @throws CompressionError TRAILING, DAMAGED
   */
  split(bytes: Uint8Array): Uint8Array[];
  /** The largest window of the frames that have begun, in bytes: what unpacking them takes of the memory. */
  windowBytes(): number;
  /** Nothing comes any more. @throws CompressionError CUT_OFF within a frame */
  end(): void;
}

/**
 * Finds the ends of the frames of zstd, of which `pzstd`, `zstd` over several files, `cat` and seekable formats write
 * many. Decompressors such as Node's (24) stop at the end of the first one in what they are handed at once.
 */
export function createZstdFrames(): ZstdFrames {
  let field: Field = 'magic';
  let missing = 4;
  /** Of a field that has to be understood; it may come in two pieces. */
  let read: number[] = [];
  let isFirst = true;
  let isLastBlock = false;
  let hasChecksum = false;
  let descriptor = 0;
  let windowBytes = 0;

  function expect(next: Field, length = FIELD_BYTES[next] ?? 0): void {
    field = next;
    missing = length;
    read = [];
  }
  const number = () => read.reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0);

  /** A block begins, or the frame has had its last one. @returns whether the frame has ended */
  function goOn(): boolean {
    if (!isLastBlock) {
      expect('block-header');
      return false;
    }
    if (hasChecksum) {
      hasChecksum = false;
      expect('checksum');
      return false;
    }
    expect('magic');
    return true;
  }

  /** A field has been read. @returns whether a frame of data ends with it */
  function finish(): boolean {
    switch (field) {
      case 'magic': {
        const magic = number();
        if (magic === FRAME_MAGIC) expect('descriptor');
        else if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) expect('skip-size');
        else if (isFirst) throw new CompressionError('DAMAGED', 'no frame of zstd');
        else throw new CompressionError('TRAILING', 'something else follows the last frame of zstd');
        isFirst = false;
        return false;
      }
      case 'descriptor': {
        [descriptor = 0] = read;
        hasChecksum = (descriptor & 4) !== 0;
        isLastBlock = false;
        expect('header', headerBytes(descriptor));
        return false;
      }
      case 'header':
        windowBytes = Math.max(windowBytes, windowOf(descriptor, read));
        return goOn();
      case 'block':
      case 'checksum':
        return goOn();
      case 'block-header': {
        const header = number();
        const type = (header >> 1) & 3;
        if (type === RESERVED_BLOCK) throw new CompressionError('DAMAGED', 'a block of zstd of no type');
        isLastBlock = (header & 1) === 1;
        expect('block', type === RLE_BLOCK ? 1 : header >> 3);
        return false;
      }
      case 'skip-size':
        expect('skipped', number());
        return false;
      case 'skipped':
        expect('magic');
        return false;
    }
  }

  const isUnderstood = () => field !== 'block' && field !== 'checksum' && field !== 'skipped';
  const isOfData = () => field !== 'magic' && field !== 'skip-size' && field !== 'skipped';

  return {
    split(bytes) {
      const pieces: Uint8Array[] = [];
      /** Where the piece begins that is being gathered. */
      let from: number | undefined;
      let at = 0;
      const flush = () => {
        if (from !== undefined && from < at) pieces.push(bytes.subarray(from, at));
        from = undefined;
      };
      while (at < bytes.length || missing === 0) {
        const taken = Math.min(missing, bytes.length - at);
        if (isOfData()) from ??= at;
        if (isUnderstood()) read.push(...bytes.subarray(at, at + taken));
        at += taken;
        missing -= taken;
        if (missing > 0) break;
        const magic = field === 'magic' ? Uint8Array.from(read) : undefined;
        if (finish()) flush();
        if (magic === undefined || !isOfData()) continue;
        // It may have begun in the bytes before.
        if (taken < magic.length) pieces.push(magic);
        from = taken < magic.length ? at : at - magic.length;
      }
      flush();
      return pieces;
    },

    windowBytes: () => windowBytes,

    end() {
      if (field === 'magic' && read.length === 0) return;
      throw new CompressionError('CUT_OFF', 'the content ends within a frame of zstd');
    },
  };
}
