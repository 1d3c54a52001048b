import { StoreError } from '../images/store-error.ts';

const BLOCK_BYTES = 512;
/** Of the header of an entry, in every format (POSIX.1-2017, pax, "ustar Interchange Format"). */
const SIZE_FIELD = { at: 124, length: 12 };
const TYPE_AT = 156;
/** Headers of headers: pax for one entry and for all, GNU's long name and long link. */
const METADATA_TYPES = new Set(['x', 'g', 'L', 'K']);
/** GNU tar's own way; to modern-tar 0.8 it is a file, whose holes would be missing. */
const SPARSE_TYPE = 'S';
/** A path, and what systems write beside it; modern-tar 0.8 reads keys without a bound. */
const MAX_METADATA_BYTES = 64 * 1024;
/** Files, folders, and what is passed over. */
const MAX_ENTRIES = 400_000;

const invalid = (message: string) => new StoreError('BUNDLE_INVALID', message);

/** Octal digits, or a number of 11 bytes behind a set bit, as GNU tar writes what octal digits do not hold. */
function parseSize(block: Buffer): number {
  const field = block.subarray(SIZE_FIELD.at, SIZE_FIELD.at + SIZE_FIELD.length);
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(BigInt(`0x${field.subarray(1).toString('hex')}`));
  const digits = field.toString('latin1').replace(/\0.*$/s, '').trim();
  return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** The `size` of a pax header, which stands for that of the entry behind it. */
function paxSize(record: string): number | undefined {
  const [, size] = /(?:^|\n)\d+ size=(\d{1,16})\n/.exec(record) ?? [];
  return size === undefined ? undefined : Number(size);
}

/**
 * Hands a tar on, and ends it before a header that would cost more than it is worth is seen by anybody else.
 *
 * @throws StoreError BUNDLE_INVALID; whatever `content` throws
 */
export async function* guardTar(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(BLOCK_BYTES);
  let filled = 0;
  let skipBytes = 0;
  let entries = 0;
  /** Of the header of a header that is being read; its rest up to a whole block is skipped. */
  let metadata: { readonly type: string; readonly sizeBytes: number; text: string } | undefined;
  let nextSize: number | undefined;

  function takeHeader(): void {
    if (block.every((byte) => byte === 0)) return;
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
        const advice = 'make it without extended attributes (--no-xattrs, COPYFILE_DISABLE=1)';
        throw invalid(
          `A header of the tar has ${sizeBytes} bytes, more than ${MAX_METADATA_BYTES}: ${advice}.`,
        );
      }
      metadata = { type, sizeBytes, text: '' };
      skipBytes = Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
      return;
    }
    skipBytes = Math.ceil((nextSize ?? sizeBytes) / BLOCK_BYTES) * BLOCK_BYTES;
    nextSize = undefined;
  }

  function skip(bytes: Buffer): void {
    skipBytes -= bytes.length;
    if (metadata === undefined) return;
    metadata.text += bytes.toString('latin1');
    if (skipBytes > 0) return;
    if (metadata.type === 'x') nextSize = paxSize(metadata.text.slice(0, metadata.sizeBytes));
    metadata = undefined;
  }

  for await (const piece of content) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    for (let at = 0; at < bytes.length; ) {
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
