// SPDX-License-Identifier: Apache-2.0
import { crc32 } from 'node:zlib';
import { countText } from '@local-datastore/shared/text/quantities';
import { type Defect, damaged, type FileFormat, type ValidationSource } from '../file-format.ts';
import { type DescribeFormat, incomplete, problem, SECTOR_BYTES, startsWith } from '../image-source.ts';

const EMPTY = problem('NOT_AN_IMAGE', 'It is empty: upload the image again.');
const ODD_SIZE = problem(
  'ODD_SIZE',
  `A raw disk is a whole number of sectors of ${SECTOR_BYTES} bytes, and this file is not: it may be cut off, or be no disk at all. Compare size and sha256 with where it comes from.`,
);

/** A raw disk: what no other format claims. */
const describe: DescribeFormat = async ({ sizeBytes }) => {
  if (sizeBytes === 0) return { format: 'raw', content: 'empty', virtualSizeBytes: 0, problems: [EMPTY] };
  const problems = sizeBytes % SECTOR_BYTES === 0 ? [] : [ODD_SIZE];
  return { format: 'raw', content: 'raw', virtualSizeBytes: sizeBytes, problems };
};

const BOOT_SIGNATURE = 0xaa55;
const PROTECTIVE = 0xee;
/** Partitions that hold further ones (CHS, LBA, Linux). */
const EXTENDED = new Set([0x05, 0x0f, 0x85]);
/** Linux numbers no more. */
const MAX_LOGICAL = 128;

interface MbrEntry {
  readonly type: number;
  readonly start: number;
  readonly sectors: number;
}

/** The four entries of a table; undefined where it is none, such as the first sector of a file system. */
function parseMbr(sector: Buffer): MbrEntry[] | undefined {
  if (sector.length < SECTOR_BYTES || sector.readUInt16LE(510) !== BOOT_SIGNATURE) return undefined;
  const entries = [446, 462, 478, 494].map((at) => ({
    status: sector.readUInt8(at),
    type: sector.readUInt8(at + 4),
    start: sector.readUInt32LE(at + 8),
    sectors: sector.readUInt32LE(at + 12),
  }));
  return entries.every(({ status }) => status === 0 || status === 0x80) ? entries : undefined;
}

/** Logical partitions, each told of by a table that leads to the next. */
async function* checkExtended(
  { readAt, sizeBytes }: ValidationSource,
  first: MbrEntry,
): AsyncGenerator<Defect> {
  let at = first.start;
  for (let count = 0; count < MAX_LOGICAL; count += 1) {
    const offset = at * SECTOR_BYTES;
    if (offset >= sizeBytes) {
      yield incomplete('A table of logical partitions stands');
      return;
    }
    const [logical, next] = parseMbr(await readAt(offset, SECTOR_BYTES)) ?? [];
    if (logical === undefined) {
      yield damaged('A table of logical partitions is none.');
      return;
    }
    if (logical.type !== 0 && (at + logical.start + logical.sectors) * SECTOR_BYTES > sizeBytes) {
      yield incomplete('A logical partition goes on');
    }
    if (next === undefined || next.type === 0) return;
    at = first.start + next.start;
  }
  yield damaged('Its logical partitions lead to each other without end.');
}

/** UEFI specification, "GPT Disk Layout". */
const GPT_SIGNATURE = 'EFI PART';
const BLOCK_SIZES = [512, 4096];
const MAX_GPT_HEADER_BYTES = 512;
const MAX_GPT_TABLE_BYTES = 1024 * 1024;

interface GptHeader {
  readonly other: number;
  readonly defects: readonly Defect[];
}

const blockOf = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

/** @param block where the header stands, in blocks of the disk */
async function readGpt(
  { readAt, sizeBytes }: ValidationSource,
  block: number,
  blockBytes: number,
  which: string,
): Promise<GptHeader | undefined> {
  const header = Buffer.from(await readAt(block * blockBytes, MAX_GPT_HEADER_BYTES));
  if (header.length < MAX_GPT_HEADER_BYTES || !startsWith(header, GPT_SIGNATURE)) return undefined;
  const headerBytes = header.readUInt32LE(12);
  const expected = header.readUInt32LE(16);
  header.writeUInt32LE(0, 16);
  const isSound =
    headerBytes >= 92 &&
    headerBytes <= MAX_GPT_HEADER_BYTES &&
    crc32(header.subarray(0, headerBytes)) === expected &&
    blockOf(header, 24) === block;
  const other = blockOf(header, 32);
  if (!isSound) return { other, defects: [damaged(`The checksum of its ${which} GPT header is wrong.`)] };
  const count = header.readUInt32LE(80);
  const entryBytes = header.readUInt32LE(84);
  const tableBytes = count * entryBytes;
  const tableAt = blockOf(header, 72) * blockBytes;
  if (entryBytes < 128 || tableBytes > MAX_GPT_TABLE_BYTES || tableAt + tableBytes > sizeBytes) {
    return { other, defects: [incomplete(`The partitions of its ${which} GPT stand`)] };
  }
  const table = await readAt(tableAt, tableBytes);
  if (crc32(table) !== header.readUInt32LE(88)) {
    return { other, defects: [damaged(`The checksum of the partitions of its ${which} GPT is wrong.`)] };
  }
  const lastBlock = Math.floor(sizeBytes / blockBytes) - 1;
  let beyond = 0;
  for (let at = 0; at + 128 <= table.length; at += entryBytes) {
    if (table.subarray(at, at + 16).every((byte) => byte === 0)) continue;
    if (blockOf(table, at + 40) > lastBlock || blockOf(table, at + 32) > blockOf(table, at + 40)) beyond += 1;
  }
  return {
    other,
    defects:
      beyond === 0
        ? []
        : [
            incomplete(
              `${countText(beyond, 'partition')} of its ${which} GPT ${beyond === 1 ? 'goes' : 'go'} on`,
            ),
          ],
  };
}

async function* checkGpt(source: ValidationSource, isExpected: boolean): AsyncGenerator<Defect> {
  for (const blockBytes of BLOCK_SIZES) {
    const first = await readGpt(source, 1, blockBytes, 'first');
    if (first === undefined) continue;
    yield* first.defects;
    const second = await readGpt(source, first.other, blockBytes, 'second');
    if (second !== undefined) yield* second.defects;
    else
      yield damaged(
        'The second GPT, at the end of the disk, is not there: it may be cut off, or was made larger.',
      );
    return;
  }
  if (isExpected) yield damaged('Its first sector tells of a GPT, and there is none.');
}

/** What partition tables say has to lie within the disk; one without tables has nothing to be compared. */
async function* validate(source: ValidationSource): AsyncGenerator<Defect> {
  const { head, sizeBytes } = source;
  const entries = parseMbr(head) ?? [];
  const isProtective = entries.some(({ type }) => type === PROTECTIVE);
  if (!isProtective) {
    for (const [index, entry] of entries.entries()) {
      if (entry.type === 0) continue;
      if ((entry.start + entry.sectors) * SECTOR_BYTES > sizeBytes) {
        yield incomplete(`Its partition ${index + 1} goes on`);
      } else if (EXTENDED.has(entry.type)) yield* checkExtended(source, entry);
    }
  }
  yield* checkGpt(source, isProtective);
}

export const raw: FileFormat = { name: 'raw', stage: 'rest', describe, validate };
