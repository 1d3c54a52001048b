// SPDX-License-Identifier: Apache-2.0
import { StoreError } from '../content/store-error.ts';

const BLOCK_BYTES = 512;
/** Of the header of an entry, in every format (POSIX.1-2017, pax, "ustar Interchange Format"). */
const SIZE_FIELD = { at: 124, length: 12 };
const TYPE_AT = 156;
/** Headers of headers: pax for one entry and for all, GNU's long name and long link. */
const METADATA_TYPES = new Set(['x', 'g', 'L', 'K']);
/** Links, devices, folders and pipes: nothing comes behind these, whatever size is written. */
const BODYLESS_TYPES = new Set(['1', '2', '3', '4', '5', '6']);
/** GNU tar's own way; to modern-tar 0.8 it is a file, whose holes would be missing. */
const SPARSE_TYPE = 'S';
/** A path, and what systems write beside it: a resource fork of macOS can be as large as its icon. */
const MAX_METADATA_BYTES = 1024 * 1024;
/** Of one header, as many as modern-tar 0.8 takes for all entries; it has no bound for one. */
const MAX_PAX_RECORDS = 512;
const MAX_LENGTH_DIGITS = 16;
/** Files, folders, and what is passed over. */
const MAX_ENTRIES = 400_000;

const WITHOUT_ATTRIBUTES = 'make it without extended attributes (--no-xattrs, COPYFILE_DISABLE=1)';
const wholeBlocks = (sizeBytes: number) => Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
const invalid = (message: string) => new StoreError('BUNDLE_INVALID', message);

/** Octal digits, or a number of 11 bytes behind a set bit, as GNU tar writes what octal digits do not hold. */
function parseSize(block: Buffer): number {
  const field = block.subarray(SIZE_FIELD.at, SIZE_FIELD.at + SIZE_FIELD.length);
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(BigInt(`0x${field.subarray(1).toString('hex')}`));
  const digits = field.toString('latin1').replace(/\0.*$/s, '').replaceAll(' ', '');
  return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** What a pax header says of what comes behind it. */
interface PaxRecords {
  readonly count: number;
  /** Stands for that of the entry's own header; undefined: not told. */
  readonly sizeBytes: number | undefined;
}

/**
 * Reads `length key=value\n`, one behind the other, by their lengths: a value may hold line breaks (POSIX.1-2017,
 * pax, "pax Extended Header").
 *
 * @throws StoreError BUNDLE_INVALID
 */
function parsePax(content: Buffer): PaxRecords {
  let count = 0;
  let sizeBytes: number | undefined;
  for (let at = 0; at < content.length && count <= MAX_PAX_RECORDS; ) {
    const spaceAt = content.indexOf(0x20, at);
    if (spaceAt - at > MAX_LENGTH_DIGITS) throw invalid('The tar is damaged: an attribute has no length.');
    const length = spaceAt === -1 ? Number.NaN : Number.parseInt(content.toString('latin1', at, spaceAt), 10);
    if (!(length > 0)) break;
    const [, size] = /^size=(\d{1,16})$/.exec(content.toString('latin1', spaceAt + 1, at + length - 1)) ?? [];
    if (size !== undefined) sizeBytes = Number(size);
    count += 1;
    at += length;
  }
  return { count, sizeBytes };
}

/**
 * Hands a tar on, and ends it before a header that would cost more than it is worth is seen by anybody else. It
 * keeps step with modern-tar, so that nothing is a header to the one and content to the other.
 *
 * @throws StoreError BUNDLE_INVALID; whatever `content` throws
 */
export async function* guardTar(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(BLOCK_BYTES);
  let filled = 0;
  let skipBytes = 0;
  let entries = 0;
  let wasZero = false;
  let isEnded = false;
  /** The header of a header that is being read, up to a whole block. */
  let metadata: { readonly type: string; readonly sizeBytes: number; readonly pieces: Buffer[] } | undefined;
  let sizeForAll: number | undefined;
  let next: PaxRecords | undefined;

  function takeHeader(): void {
    const isZero = block.every((byte) => byte === 0);
    isEnded = isZero && wasZero;
    wasZero = isZero;
    if (isZero) return;
    const type = String.fromCharCode(block[TYPE_AT] ?? 0);
    const sizeBytes = parseSize(block);
    if (!Number.isSafeInteger(sizeBytes)) throw invalid('The tar is damaged: a header holds no size.');
    entries += 1;
    if (entries > MAX_ENTRIES) throw invalid(`The tar holds more than ${MAX_ENTRIES} entries.`);
    if (type === SPARSE_TYPE) {
      const name = block.toString('utf8', 0, 100).replace(/\0.*$/s, '');
      throw invalid(`"${name}" is stored sparse: make the tar without --sparse.`);
    }
    if (METADATA_TYPES.has(type)) {
      if (sizeBytes > MAX_METADATA_BYTES) {
        throw invalid(
          `A header of the tar has ${sizeBytes} bytes, more than ${MAX_METADATA_BYTES}: ${WITHOUT_ATTRIBUTES}.`,
        );
      }
      metadata = { type, sizeBytes, pieces: [] };
      skipBytes = wholeBlocks(sizeBytes);
      if (skipBytes === 0) takeMetadata();
      return;
    }
    skipBytes = BODYLESS_TYPES.has(type) ? 0 : wholeBlocks(next?.sizeBytes ?? sizeForAll ?? sizeBytes);
    next = undefined;
  }

  function takeMetadata(): void {
    if (metadata === undefined) return;
    const { type, sizeBytes, pieces } = metadata;
    metadata = undefined;
    // What was said before of the next entry no longer counts once another header comes behind it.
    if (next !== undefined && next.count > 0) next = undefined;
    if (type !== 'x' && type !== 'g') return;
    const records = parsePax(Buffer.concat(pieces).subarray(0, sizeBytes));
    if (records.count > MAX_PAX_RECORDS) {
      throw invalid(
        `A header of the tar holds more than ${MAX_PAX_RECORDS} attributes: ${WITHOUT_ATTRIBUTES}.`,
      );
    }
    if (type === 'x') next = records;
    else sizeForAll = records.sizeBytes ?? sizeForAll;
  }

  function skip(bytes: Buffer): void {
    skipBytes -= bytes.length;
    metadata?.pieces.push(Buffer.from(bytes));
    if (skipBytes === 0) takeMetadata();
  }

  for await (const piece of content) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    for (let at = 0; at < bytes.length && !isEnded; ) {
      if (skipBytes > 0) {
        const part = bytes.subarray(at, at + skipBytes);
        skip(part);
        at += part.length;
        continue;
      }
      const copied = bytes.copy(block, filled, at, at + BLOCK_BYTES - filled);
      at += copied;
      filled += copied;
      if (filled < BLOCK_BYTES) continue;
      filled = 0;
      takeHeader();
    }
    yield piece;
  }
}
