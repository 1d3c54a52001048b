// SPDX-License-Identifier: Apache-2.0
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { type Defect, damaged, type FileFormat, type ValidationSource } from '../file-format.ts';
import type { FormatProblem, ImageDescription } from '../image-description.ts';
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

/** VMware Virtual Disk Format 5.0. */
const MAX_DESCRIPTOR_BYTES = 64 * 1024;
const SPARSE_HEADER_BYTES = 79;
/** "The directory stands in the footer", which ends the file, before an end-of-stream marker. */
const DIRECTORY_AT_END = 0xffff_ffff_ffff_ffffn;
const FOOTER_FROM_END = 1024;
const NO_PARENT = 'ffffffff';
const SE_SPARSE = Buffer.from('bebafeca00000000', 'hex');
const NAMED_EXTENTS = 3;

const sectorsToBytes = (sectors: bigint) => toSafeNumber(sectors * BigInt(SECTOR_BYTES));

const described = (
  virtualSizeBytes: number | null,
  problems: readonly FormatProblem[],
): ImageDescription => ({ format: 'vmdk', content: 'vmdk', virtualSizeBytes, problems });

const partOfMany = (what: string) =>
  problem(
    'NEEDS_OTHER_FILE',
    `It is ${what}, not a whole disk. Make one file of all, where the others are, from the small .vmdk that names them: ${CONVERT}`,
  );

function parentProblem(descriptor: string): FormatProblem | undefined {
  const [, parent = NO_PARENT] = /^\s*parentCID\s*=\s*([0-9a-f]{1,8})/im.exec(descriptor) ?? [];
  if (parent.toLowerCase() === NO_PARENT) return undefined;
  const [, hint = '?'] = /^\s*parentFileNameHint\s*=\s*"?([^"\r\n]*)/im.exec(descriptor) ?? [];
  return problem(
    'NEEDS_OTHER_FILE',
    `It holds only what differs from ${quoted(hint)}, as after a snapshot; EVE does not download that. Make one file of both, where the other is: ${CONVERT}`,
  );
}

/** A descriptor that stands alone, as text: the data is in other files. */
function describeDescriptor({ head }: ImageSource): ImageDescription | undefined {
  const text = head.toString('latin1');
  if (!/^\s*# *Disk DescriptorFile/i.test(text)) return undefined;
  let sectors = 0n;
  const files: string[] = [];
  const extents = text.matchAll(/^(?:RW|RDONLY|NOACCESS)[ \t]+(\d{1,15})[ \t]+\w+(?:[ \t]+"([^"\r\n]*)")?/gm);
  for (const [, count = '0', file] of extents) {
    sectors += BigInt(count);
    if (file !== undefined) files.push(quoted(file));
  }
  const named = `${files.slice(0, NAMED_EXTENTS).join(', ')}${files.length > NAMED_EXTENTS ? ' and more' : ''}`;
  const message = `It is a text that names the files with the disk itself (${named || 'none'}), which EVE does not download. Make one file of all, where they are: ${CONVERT}`;
  return described(sectors === 0n ? null : sectorsToBytes(sectors), [problem('NEEDS_OTHER_FILE', message)]);
}

async function* sparseProblems({
  head,
  readAt,
  sizeBytes,
}: ImageSource): AsyncGenerator<FormatProblem | undefined> {
  const descriptorOffset = head.readBigUInt64LE(28) * BigInt(SECTOR_BYTES);
  const descriptorBytes = head.readBigUInt64LE(36) * BigInt(SECTOR_BYTES);
  if (descriptorOffset + descriptorBytes <= BigInt(sizeBytes)) {
    const length = Math.min(Number(descriptorBytes), MAX_DESCRIPTOR_BYTES);
    const descriptor = (await readAt(Number(descriptorOffset), length)).toString('latin1');
    // An extent of several has no descriptor, or room for one that is left empty.
    if (descriptorOffset === 0n || descriptor.replaceAll('\0', '') === '') {
      yield partOfMany('one extent of a disk in several files');
    } else {
      yield parentProblem(descriptor);
    }
  }
  const directory = head.readBigUInt64LE(56);
  const isCut =
    directory === DIRECTORY_AT_END
      ? !startsWith(await readAt(Math.max(0, sizeBytes - FOOTER_FROM_END), 4), 'KDMV')
      : directory * BigInt(SECTOR_BYTES) >= BigInt(sizeBytes);
  if (isCut) yield incomplete('Its grain directory stands');
}

/** A sparse extent's header, ESX's two kinds of extents of snapshots, or a descriptor that stands alone as text. */
const describe: DescribeFormat = async (source) => {
  const { head, sizeBytes } = source;
  if (startsWith(head, 'KDMV')) {
    if (sizeBytes < SPARSE_HEADER_BYTES) return described(null, [incomplete('Its header goes on')]);
    const problems: FormatProblem[] = [];
    for await (const found of sparseProblems(source)) if (found !== undefined) problems.push(found);
    return described(sectorsToBytes(head.readBigUInt64LE(12)), problems);
  }
  if (startsWith(head, 'COWD') && sizeBytes >= SECTOR_BYTES) {
    return described(sectorsToBytes(BigInt(head.readUInt32LE(12))), [partOfMany("an ESX host's extent")]);
  }
  if (head.subarray(0, SE_SPARSE.length).equals(SE_SPARSE)) {
    return described(null, [partOfMany("an ESX host's extent of a snapshot")]);
  }
  return describeDescriptor(source);
};

/** "SparseExtentHeader", its flags. */
const FLAGS = { hasNewlineTest: 1, hasSecondTable: 2, isCompressed: 1 << 16 } as const;
/** What a transfer as text turns into something else. */
const NEWLINE_TEST = '\n \r\n';
const TABLE_ENTRIES = 512;
const TABLE_BYTES = TABLE_ENTRIES * 4;
/** Of 64 TiB in grains of 64 KiB. */
const MAX_TABLES = 2 * 1024 * 1024;
const MAX_GRAIN_SECTORS = 2048;
const MARKER_BYTES = 12;
/** A grain that means zeros, and takes no place. */
const ZERO_GRAIN = 1;

const inflateGrain = promisify(inflate) as (bytes: Buffer, options: object) => Promise<Buffer>;

interface SparseExtent {
  readonly sectors: number;
  readonly grainSectors: number;
  readonly flags: number;
  /** In sectors. */
  readonly directory: number;
  readonly secondDirectory: number | undefined;
  readonly tables: number;
}

async function parseExtent({ head, readAt, sizeBytes }: ValidationSource): Promise<SparseExtent | undefined> {
  const isAtEnd = head.readBigUInt64LE(56) === DIRECTORY_AT_END;
  const header = isAtEnd ? await readAt(Math.max(0, sizeBytes - FOOTER_FROM_END), SECTOR_BYTES) : head;
  if (header.length < SPARSE_HEADER_BYTES || !startsWith(header, 'KDMV')) return undefined;
  const sectors = toSafeNumber(header.readBigUInt64LE(12));
  const grainSectors = toSafeNumber(header.readBigUInt64LE(20));
  const directory = toSafeNumber(header.readBigUInt64LE(56));
  const flags = header.readUInt32LE(8);
  const isPower = grainSectors !== null && grainSectors >= 8 && Number.isInteger(Math.log2(grainSectors));
  if (sectors === null || directory === null || !isPower || grainSectors > MAX_GRAIN_SECTORS)
    return undefined;
  if (header.readUInt32LE(44) !== TABLE_ENTRIES) return undefined;
  const second = toSafeNumber(header.readBigUInt64LE(48));
  const hasSecond = (flags & FLAGS.hasSecondTable) !== 0 && !isAtEnd && second !== null && second > 0;
  return {
    ...{ sectors, grainSectors, flags, directory },
    secondDirectory: hasSecond ? second : undefined,
    tables: Math.ceil(sectors / (grainSectors * TABLE_ENTRIES)),
  };
}

/** The tables of grains, one after another; undefined for one that is not there, and for one beyond the end. */
async function* tablesOf({ readAt, sizeBytes, signal }: ValidationSource, directory: number, count: number) {
  for (let first = 0; first < count; first += TABLE_ENTRIES) {
    const piece = await readAt(
      directory * SECTOR_BYTES + first * 4,
      Math.min(TABLE_ENTRIES, count - first) * 4,
    );
    for (let index = 0; index < Math.min(TABLE_ENTRIES, count - first); index += 1) {
      signal.throwIfAborted();
      const sector = index * 4 + 4 <= piece.length ? piece.readUInt32LE(index * 4) : undefined;
      const at = (sector ?? 0) * SECTOR_BYTES;
      if (sector === 0) yield { kind: 'absent' } as const;
      else if (sector === undefined || at + TABLE_BYTES > sizeBytes) yield { kind: 'beyond' } as const;
      else yield { kind: 'there', table: await readAt(at, TABLE_BYTES) } as const;
    }
  }
}

/** A grain of a stream: where it belongs, how long it is, and zlib's data with its checksum. */
async function isGrainSound(
  { readAt }: ValidationSource,
  { grainSectors, sectors }: SparseExtent,
  sector: number,
  grain: number,
): Promise<boolean> {
  const marker = await readAt(sector * SECTOR_BYTES, MARKER_BYTES);
  if (marker.length < MARKER_BYTES) return false;
  const grainBytes = grainSectors * SECTOR_BYTES;
  const lengthBytes = marker.readUInt32LE(8);
  const isHere = marker.readBigUInt64LE(0) === BigInt(grain) * BigInt(grainSectors);
  if (!isHere || lengthBytes === 0 || lengthBytes > 2 * grainBytes + 1024) return false;
  const bytes = await readAt(sector * SECTOR_BYTES + MARKER_BYTES, lengthBytes);
  const content = await inflateGrain(bytes, { maxOutputLength: grainBytes }).catch(() => undefined);
  // The last grain may end with the disk.
  return (
    content !== undefined &&
    content.length >= Math.min(grainSectors, sectors - grain * grainSectors) * SECTOR_BYTES
  );
}

async function* checkGrains(source: ValidationSource, extent: SparseExtent): AsyncGenerator<Defect> {
  const { flags, grainSectors, directory, secondDirectory, tables } = extent;
  const isCompressed = (flags & FLAGS.isCompressed) !== 0;
  const seconds = secondDirectory === undefined ? undefined : tablesOf(source, secondDirectory, tables);
  const counts = { beyond: 0, differing: 0, unsound: 0 };
  let grain = 0;
  for await (const found of tablesOf(source, directory, tables)) {
    const second = (await seconds?.next())?.value ?? undefined;
    if (found.kind === 'beyond') counts.beyond += 1;
    if (found.kind === 'there') {
      const { table } = found;
      if (second !== undefined && (second.kind !== 'there' || !second.table.equals(table)))
        counts.differing += 1;
      for (let index = 0; index < TABLE_ENTRIES; index += 1) {
        const sector = table.readUInt32LE(index * 4);
        if (sector <= ZERO_GRAIN) continue;
        const lengthBytes = isCompressed ? MARKER_BYTES : grainSectors * SECTOR_BYTES;
        if (sector * SECTOR_BYTES + lengthBytes > source.sizeBytes) counts.beyond += 1;
        else if (isCompressed && !(await isGrainSound(source, extent, sector, grain + index)))
          counts.unsound += 1;
      }
    }
    grain += TABLE_ENTRIES;
  }
  if (counts.beyond > 0) yield incomplete(`${counts.beyond} of its tables and grains stand`);
  if (counts.differing > 0) yield damaged(`${counts.differing} of its tables differ from their copies.`);
  if (counts.unsound > 0)
    yield damaged(`The checksum, place or length of ${counts.unsound} of its grains is wrong.`);
}

async function* validate(source: ValidationSource): AsyncGenerator<Defect> {
  const { head, sizeBytes } = source;
  if (!startsWith(head, 'KDMV') || sizeBytes < SECTOR_BYTES) return;
  const hasTest = (head.readUInt32LE(8) & FLAGS.hasNewlineTest) !== 0;
  if (hasTest && !startsWith(head, NEWLINE_TEST, 73)) {
    yield damaged('Ends of lines were changed in it, as by a transfer as text: copy it again as binary.');
  }
  if (head.readUInt8(72) === 1) yield damaged('It was not closed: what was written last may be missing.');
  const extent = await parseExtent(source);
  if (extent === undefined || extent.tables > MAX_TABLES) {
    yield damaged('Its header gives sizes of grains or tables that there are not.');
  } else yield* checkGrains(source, extent);
}

/** VMware's disks. */
export const vmdk: FileFormat = { name: 'vmdk', stage: 'beginning', describe, validate, qemuName: 'vmdk' };
