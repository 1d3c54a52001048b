// SPDX-License-Identifier: Apache-2.0
import { type Defect, damaged, type FileFormat, type ValidationSource } from '../file-format.ts';
import type { FormatProblem } from '../image-description.ts';
import {
  CONVERT,
  type DescribeFormat,
  type ImageSource,
  incomplete,
  problem,
  quoted,
  SECTOR_BYTES,
  startsWith,
  toSafeNumber,
} from '../image-source.ts';

/** Virtual Hard Disk Image Format Specification. */
const COOKIE = 'conectix';
const DYNAMIC_COOKIE = 'cxsparse';
const DISK_TYPES = { fixed: 2, dynamic: 3, differencing: 4 } as const;
/** Virtual PC's first versions wrote a byte less. */
const OLD_FOOTER_BYTES = SECTOR_BYTES - 1;
const DYNAMIC_HEADER_BYTES = 1024;
const PARENT_NAME = { start: 64, end: 64 + 512 } as const;

async function findEndFooter({ readAt, sizeBytes }: ImageSource): Promise<Buffer | undefined> {
  const end = await readAt(Math.max(0, sizeBytes - SECTOR_BYTES), SECTOR_BYTES);
  const footer = [end, end.subarray(end.length - OLD_FOOTER_BYTES)].find((bytes) =>
    startsWith(bytes, COOKIE),
  );
  return footer !== undefined && footer.length >= OLD_FOOTER_BYTES ? footer : undefined;
}

/** UTF-16, big endian. */
const parentNameOf = (header: Buffer) =>
  Buffer.from(header.subarray(PARENT_NAME.start, PARENT_NAME.end)).swap16().toString('utf16le');

async function* problemsOf(
  { readAt, sizeBytes }: ImageSource,
  footer: Buffer,
  hasEndFooter: boolean,
): AsyncGenerator<FormatProblem> {
  const type = footer.readUInt32BE(60);
  if (type !== DISK_TYPES.dynamic && type !== DISK_TYPES.differencing) {
    if (!hasEndFooter) yield incomplete('Its content goes on');
    return;
  }
  const offset = footer.readBigUInt64BE(16);
  const header =
    offset + BigInt(DYNAMIC_HEADER_BYTES) <= BigInt(sizeBytes)
      ? await readAt(Number(offset), DYNAMIC_HEADER_BYTES)
      : Buffer.alloc(0);
  if (!startsWith(header, DYNAMIC_COOKIE) || header.length < DYNAMIC_HEADER_BYTES) {
    yield incomplete('Its tables stand');
    return;
  }
  if (type === DISK_TYPES.differencing) {
    yield problem(
      'NEEDS_OTHER_FILE',
      `It holds only what differs from ${quoted(parentNameOf(header))}, which EVE does not download. Make one file of both, where the other is: ${CONVERT}`,
    );
  }
  const tableEnd = header.readBigUInt64BE(16) + BigInt(header.readUInt32BE(28)) * 4n;
  if (tableEnd > BigInt(sizeBytes) || !hasEndFooter) yield incomplete('Its content goes on');
}

/** The footer, or a dynamic disk's copy of it at the front. */
const describe: DescribeFormat = async (source) => {
  const atEnd = await findEndFooter(source);
  const atFront = startsWith(source.head, COOKIE) && source.head.length >= SECTOR_BYTES;
  const footer = atEnd ?? (atFront ? source.head : undefined);
  if (footer === undefined) return undefined;
  const problems: FormatProblem[] = [];
  for await (const found of problemsOf(source, footer, atEnd !== undefined)) problems.push(found);
  return {
    format: 'vhd',
    content: 'vhd',
    virtualSizeBytes: toSafeNumber(footer.readBigUInt64BE(48)),
    problems,
  };
};

/** Where the checksum of a footer stands, and that of a dynamic disk's header. */
const FOOTER_CHECKSUM = 64;
const HEADER_CHECKSUM = 36;
const UNUSED_BLOCK = 0xffff_ffff;
/** Of 2 TiB, which is as large as such a disk can be, in blocks of 512 KiB. */
const MAX_BLOCKS = 4 * 1024 * 1024;
const TABLE_PIECE_ENTRIES = 16 * 1024;

/** The complement of the sum of all bytes but those of the checksum itself. */
function hasChecksum(bytes: Buffer, at: number): boolean {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) if (index < at || index >= at + 4) sum += byte;
  return bytes.readUInt32BE(at) === ~sum >>> 0;
}

/** Every block of the table has to lie within the file, and no two in the same place. */
async function* checkBlocks(
  { readAt, sizeBytes, signal }: ValidationSource,
  header: Buffer,
): AsyncGenerator<Defect> {
  const tableAt = Number(header.readBigUInt64BE(16));
  const count = header.readUInt32BE(28);
  const blockBytes = header.readUInt32BE(32);
  const isPower = blockBytes >= SECTOR_BYTES && (blockBytes & (blockBytes - 1)) === 0;
  if (count > MAX_BLOCKS || !isPower) {
    yield damaged('Its header gives a number or a size of blocks that there is not.');
    return;
  }
  // In front of each block stands which of its sectors are used.
  const bitmapBytes = Math.ceil(blockBytes / SECTOR_BYTES / 8 / SECTOR_BYTES) * SECTOR_BYTES;
  const taken = new Set<number>();
  let beyond = 0;
  let twice = 0;
  for (let done = 0; done < count; done += TABLE_PIECE_ENTRIES) {
    signal.throwIfAborted();
    const piece = await readAt(tableAt + done * 4, Math.min(TABLE_PIECE_ENTRIES, count - done) * 4);
    for (let at = 0; at + 4 <= piece.length; at += 4) {
      const sector = piece.readUInt32BE(at);
      if (sector === UNUSED_BLOCK) continue;
      if (taken.has(sector)) twice += 1;
      taken.add(sector);
      if (sector * SECTOR_BYTES + bitmapBytes + blockBytes > sizeBytes) beyond += 1;
    }
  }
  if (beyond > 0) yield incomplete(`${beyond} of its blocks go on`);
  if (twice > 0) yield damaged(`${twice} of its blocks stand where others do.`);
}

async function* validate(source: ValidationSource): AsyncGenerator<Defect> {
  const { head, readAt, sizeBytes } = source;
  const atEnd = await findEndFooter(source);
  const atFront = startsWith(head, COOKIE) ? head.subarray(0, SECTOR_BYTES) : undefined;
  if (atEnd !== undefined && !hasChecksum(atEnd, FOOTER_CHECKSUM))
    yield damaged('The checksum of its footer is wrong.');
  if (atFront !== undefined && !hasChecksum(atFront, FOOTER_CHECKSUM)) {
    yield damaged('The checksum of the copy of its footer, at the front, is wrong.');
  }
  const footer = atEnd ?? atFront;
  if (footer === undefined) return;
  const type = footer.readUInt32BE(60);
  if (type === DISK_TYPES.fixed) {
    if (footer.readBigUInt64BE(48) + BigInt(footer.length) > BigInt(sizeBytes))
      yield incomplete('Its disk goes on');
    return;
  }
  const header = await readAt(
    Number(footer.readBigUInt64BE(16) & 0x1f_ffff_ffff_ffffn),
    DYNAMIC_HEADER_BYTES,
  );
  if (header.length < DYNAMIC_HEADER_BYTES || !startsWith(header, DYNAMIC_COOKIE)) return;
  if (hasChecksum(header, HEADER_CHECKSUM)) yield* checkBlocks(source, header);
  else yield damaged('The checksum of its header is wrong.');
}

/** Virtual PC's and Hyper-V's disks. QEMU knows the format as `vpc`, and cannot check it. */
export const vhd: FileFormat = { name: 'vhd', stage: 'end', describe, validate };
