// SPDX-License-Identifier: Apache-2.0
import { crc32c } from '../crc32c.ts';
import { type Defect, damaged, type FileFormat, type ValidationSource } from '../file-format.ts';
import type { FormatProblem } from '../image-description.ts';
import {
  CONVERT,
  type DescribeFormat,
  type ImageSource,
  incomplete,
  problem,
  startsWith,
} from '../image-source.ts';

const SIGNATURE = 'vhdxfile';
/** [MS-VHDX] §2.2.3: the region tables. */
const REGION_TABLE_OFFSETS = [0x30000, 0x40000];
const REGION_TABLE_SIGNATURE = 'regi';
const METADATA_SIGNATURE = 'metadata';
const TABLE_BYTES = 0x10000;
const MAX_ENTRIES = 2047;
const ENTRY_BYTES = 32;
/** Entries of the table of blocks that are looked at. */
const MAX_BLOCK_TABLE_BYTES = 64 * 1024;
/** §2.5.1.1: the states of a block that is in the file, wholly or in part; an offset counts in MiB. */
const STATE_MASK = 7n;
const PRESENT_STATES = new Set([6n, 7n]);
const OFFSET_SHIFT = 20n;
/** §2.6.2.1: the disk has a parent. */
const HAS_PARENT = 2;

/** GUIDs as they stand in the file, the first three groups little endian. */
const BLOCK_TABLE_REGION = guidBytes('2dc27766-f623-4200-9d64-115e9bfd4a08');
const METADATA_REGION = guidBytes('8b7ca206-4790-4b9a-b8fe-575f050f886e');
const FILE_PARAMETERS = guidBytes('caa16737-fa36-4d43-b3b6-33f0aa44e76b');
const VIRTUAL_DISK_SIZE = guidBytes('2fa54224-cd1b-4876-b211-5dbed83bf4b8');

function guidBytes(guid: string): Buffer {
  const [first = '', second = '', third = '', ...rest] = guid.split('-');
  const reversed = [first, second, third].map((group) => Buffer.from(group, 'hex').reverse());
  return Buffer.concat([...reversed, Buffer.from(rest.join(''), 'hex')]);
}

function findEntry(table: Buffer, start: number, count: number, guid: Buffer): Buffer | undefined {
  for (let i = 0; i < Math.min(count, MAX_ENTRIES); i += 1) {
    const entry = table.subarray(start + i * ENTRY_BYTES, start + (i + 1) * ENTRY_BYTES);
    if (entry.length < ENTRY_BYTES) return undefined;
    if (entry.subarray(0, 16).equals(guid)) return entry;
  }
  return undefined;
}

/** A position or size within what a file can have here, or undefined. */
const toOffset = (value: bigint): number | undefined =>
  value < BigInt(Number.MAX_SAFE_INTEGER) / 2n ? Number(value) : undefined;

interface Metadata {
  /** The table of blocks, or a block, stands beyond the end. */
  readonly isCut: boolean;
  readonly virtualSizeBytes: number | undefined;
  readonly flags: number;
}

/** @param region the entry of the table of blocks among the regions */
async function isCut({ readAt, sizeBytes }: ImageSource, region: Buffer): Promise<boolean> {
  const start = toOffset(region.readBigUInt64LE(16));
  const lengthBytes = region.readUInt32LE(24);
  if (start === undefined || start + lengthBytes > sizeBytes) return true;
  const table = await readAt(start, Math.min(lengthBytes, MAX_BLOCK_TABLE_BYTES));
  for (let i = 0; i + 8 <= table.length; i += 8) {
    const entry = table.readBigUInt64LE(i);
    const isPresent = PRESENT_STATES.has(entry & STATE_MASK);
    if (isPresent && (entry >> OFFSET_SHIFT) << OFFSET_SHIFT >= BigInt(sizeBytes)) return true;
  }
  return false;
}

/** What the tables say, or undefined when they do not lead there. */
async function readMetadata(source: ImageSource): Promise<Metadata | undefined> {
  const { readAt } = source;
  for (const offset of REGION_TABLE_OFFSETS) {
    const regions = await readAt(offset, TABLE_BYTES);
    if (regions.length < 16 || !startsWith(regions, REGION_TABLE_SIGNATURE)) continue;
    const regionCount = regions.readUInt32LE(8);
    const region = findEntry(regions, 16, regionCount, METADATA_REGION);
    const start = region && toOffset(region.readBigUInt64LE(16));
    if (start === undefined) continue;
    const table = await readAt(start, TABLE_BYTES);
    if (table.length < 32 || !startsWith(table, METADATA_SIGNATURE)) continue;
    const itemCount = table.readUInt16LE(10);
    const read = async (guid: Buffer) => {
      const item = findEntry(table, 32, itemCount, guid);
      const value = item && (await readAt(start + item.readUInt32LE(16), 8));
      return value?.length === 8 ? value : undefined;
    };
    const size = await read(VIRTUAL_DISK_SIZE);
    const blocks = findEntry(regions, 16, regionCount, BLOCK_TABLE_REGION);
    return {
      isCut: blocks === undefined || (await isCut(source, blocks)),
      virtualSizeBytes: size && toOffset(size.readBigUInt64LE(0)),
      flags: (await read(FILE_PARAMETERS))?.readUInt32LE(4) ?? 0,
    };
  }
  return undefined;
}

/** VHDX ([MS-VHDX]): its tables lead to the virtual disk size (§2.6.2.4). */
const describe: DescribeFormat = async (source) => {
  if (!startsWith(source.head, SIGNATURE)) return undefined;
  const metadata = await readMetadata(source);
  const problems: FormatProblem[] = [];
  if (metadata !== undefined && (metadata.flags & HAS_PARENT) !== 0) {
    const message = `It holds only what differs from a parent disk, which EVE does not download. Make one file of both, where the parent is (Hyper-V: Merge-VHD, or Convert-VHD), then: ${CONVERT}`;
    problems.push(problem('NEEDS_OTHER_FILE', message));
  }
  if (metadata?.virtualSizeBytes === undefined || metadata.isCut) {
    problems.push(incomplete('Its tables lead'));
  }
  return {
    format: 'vhdx',
    content: 'vhdx',
    virtualSizeBytes: metadata?.virtualSizeBytes ?? null,
    problems,
  };
};

/** [MS-VHDX] §2.2.2: the headers, and what is counted in their checksums. */
const HEADERS = [
  { which: 'first', offset: 0x10000 },
  { which: 'second', offset: 0x20000 },
] as const;
const HEADER_SIGNATURE = 'head';
const HEADER_BYTES = 4096;
const CHECKSUM_AT = 4;
/** §2.2.2: of a log that is to be replayed before anything is read. */
const LOG_GUID = { start: 48, end: 64 } as const;

/** CRC-32C of all of it, its own four bytes taken for zeros. */
function hasChecksum(bytes: Buffer): boolean {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(0, CHECKSUM_AT);
  return crc32c(copy) === bytes.readUInt32LE(CHECKSUM_AT);
}

async function* checkHeaders({ readAt }: ValidationSource): AsyncGenerator<Defect> {
  let current: Buffer | undefined;
  for (const { which, offset } of HEADERS) {
    const header = await readAt(offset, HEADER_BYTES);
    if (header.length < HEADER_BYTES || !startsWith(header, HEADER_SIGNATURE) || !hasChecksum(header)) {
      yield damaged(`The checksum of its ${which} header is wrong.`);
    } else if (current === undefined || header.readBigUInt64LE(8) > current.readBigUInt64LE(8))
      current = header;
  }
  const hasLog = current?.subarray(LOG_GUID.start, LOG_GUID.end).some((byte) => byte !== 0) === true;
  if (hasLog) {
    yield damaged(
      'It was not closed: what its log holds is missing in the disk. Attach it once where it was made.',
    );
  }
}

async function* checkRegions({ readAt }: ValidationSource): AsyncGenerator<Defect> {
  for (const [index, offset] of REGION_TABLE_OFFSETS.entries()) {
    const table = await readAt(offset, TABLE_BYTES);
    const isSound =
      table.length === TABLE_BYTES && startsWith(table, REGION_TABLE_SIGNATURE) && hasChecksum(table);
    if (!isSound)
      yield damaged(`The checksum of its ${index === 0 ? 'first' : 'second'} region table is wrong.`);
  }
}

/** All blocks, where a description looks at the first. */
async function* checkBlocks({ readAt, sizeBytes, signal }: ValidationSource): AsyncGenerator<Defect> {
  const regions = await readAt(REGION_TABLE_OFFSETS[0] ?? 0, TABLE_BYTES);
  if (regions.length < 16) return;
  const region = findEntry(regions, 16, regions.readUInt32LE(8), BLOCK_TABLE_REGION);
  const start = region && toOffset(region.readBigUInt64LE(16));
  if (region === undefined || start === undefined) return;
  const end = Math.min(start + region.readUInt32LE(24), sizeBytes);
  let beyond = 0;
  for (let at = start; at < end; at += MAX_BLOCK_TABLE_BYTES) {
    signal.throwIfAborted();
    const piece = await readAt(at, Math.min(MAX_BLOCK_TABLE_BYTES, end - at));
    for (let entry = 0; entry + 8 <= piece.length; entry += 8) {
      const value = piece.readBigUInt64LE(entry);
      const isPresent = PRESENT_STATES.has(value & STATE_MASK);
      if (isPresent && (value >> OFFSET_SHIFT) << OFFSET_SHIFT >= BigInt(sizeBytes)) beyond += 1;
    }
  }
  if (beyond > 0) yield incomplete(`${beyond} of its blocks stand`);
}

async function* validate(source: ValidationSource): AsyncGenerator<Defect> {
  yield* checkHeaders(source);
  yield* checkRegions(source);
  yield* checkBlocks(source);
}

/** Hyper-V's disks. */
export const vhdx: FileFormat = { name: 'vhdx', stage: 'beginning', describe, validate, qemuName: 'vhdx' };
