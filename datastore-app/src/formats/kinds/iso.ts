// SPDX-License-Identifier: Apache-2.0
import { type Defect, damaged, type FileFormat, type ValidationSource } from '../file-format.ts';
import { type DescribeFormat, incomplete, SECTOR_BYTES, startsWith } from '../image-source.ts';

/** ECMA-119 §8, ECMA-167 2/9: volume descriptors begin in sector 16, of 2048 bytes each. */
const FIRST_DESCRIPTOR = 16;
const DISC_SECTOR_BYTES = 2048;
/** Those of ISO 9660, then those of UDF; a disc of both has a handful. */
const MAX_DESCRIPTORS = 12;
/** Programs pad a volume by 150 sectors that a copy of the disc may lack; what is read never stands there. */
const PADDING_BYTES = 1024 * 1024;
const BOOT_SIGNATURE = 0xaa55;

/** ISO 9660 with or without El Torito, hybrids that are disks as well, and UDF. */
const describe: DescribeFormat = async ({ head, readAt, sizeBytes }) => {
  const first = await readAt(FIRST_DESCRIPTOR * DISC_SECTOR_BYTES, 256);
  if (startsWith(first, 'CD001', 1)) {
    const isHybrid = head.length >= SECTOR_BYTES && head.readUInt16LE(510) === BOOT_SIGNATURE;
    const volumeBytes =
      first.length >= 132 && first[0] === 1 ? first.readUInt32LE(80) * first.readUInt16LE(128) : 0;
    return {
      format: 'iso',
      content: isHybrid ? 'hybrid-iso' : 'iso',
      virtualSizeBytes: sizeBytes,
      problems: volumeBytes > sizeBytes + PADDING_BYTES ? [incomplete('Its volume goes on')] : [],
    };
  }
  if (!startsWith(first, 'BEA01', 1)) return undefined;
  for (let i = 1; i < MAX_DESCRIPTORS; i += 1) {
    const identifier = await readAt((FIRST_DESCRIPTOR + i) * DISC_SECTOR_BYTES + 1, 5);
    if (startsWith(identifier, 'NSR02') || startsWith(identifier, 'NSR03')) {
      return { format: 'iso', content: 'udf', virtualSizeBytes: sizeBytes, problems: [] };
    }
  }
  return undefined;
};

/** ECMA-119 §9.1: where a record of a directory says its extent and its size, in both orders of bytes. */
const ROOT_RECORD = 156;
const MAX_RECORDS = 200_000;
const MAX_DIRECTORY_BYTES = 16 * 1024 * 1024;
const IS_DIRECTORY = 2;
const EL_TORITO = 'EL TORITO SPECIFICATION';
/** ECMA-167 3/7.2: where the anchor of UDF stands, and its kind. */
const ANCHOR_SECTOR = 256;
const ANCHOR_TAG = 2;

/** A number that is written in both orders; undefined where they differ. */
const bothOrders = (bytes: Buffer, at: number): number | undefined => {
  const value = bytes.readUInt32LE(at);
  return bytes.readUInt32BE(at + 4) === value ? value : undefined;
};

interface Extent {
  readonly sector: number;
  readonly sizeBytes: number;
}

function extentOf(record: Buffer): Extent | undefined {
  const sector = bothOrders(record, 2);
  const sizeBytes = bothOrders(record, 10);
  return sector === undefined || sizeBytes === undefined ? undefined : { sector, sizeBytes };
}

/** The records of a directory; none of them goes over the end of a sector (§6.8.1.1). */
function* recordsOf(directory: Buffer): Generator<Buffer> {
  for (let at = 0; at < directory.length; ) {
    const length = directory.readUInt8(at);
    if (length >= 34 && at + length <= directory.length) {
      yield directory.subarray(at, at + length);
      at += length;
    } else at = (Math.floor(at / DISC_SECTOR_BYTES) + 1) * DISC_SECTOR_BYTES;
  }
}

/** Every file and folder has to lie within the disc, and say the same of itself in both orders of bytes. */
async function* checkTree(
  { readAt, sizeBytes, signal }: ValidationSource,
  root: Buffer,
): AsyncGenerator<Defect> {
  const first = extentOf(root);
  const waiting = first === undefined ? [] : [first];
  const seen = new Set<number>();
  let records = 0;
  let beyond = 0;
  let unsound = first === undefined ? 1 : 0;
  for (let next = waiting.pop(); next !== undefined && records < MAX_RECORDS; next = waiting.pop()) {
    signal.throwIfAborted();
    if (seen.has(next.sector)) continue;
    seen.add(next.sector);
    const at = next.sector * DISC_SECTOR_BYTES;
    if (at + next.sizeBytes > sizeBytes) beyond += 1;
    if (at >= sizeBytes) continue;
    for (const record of recordsOf(await readAt(at, Math.min(next.sizeBytes, MAX_DIRECTORY_BYTES)))) {
      records += 1;
      const extent = extentOf(record);
      const isDirectory = (record.readUInt8(25) & IS_DIRECTORY) !== 0;
      // The folder itself and the one above are called 0 and 1.
      const isDots = record.readUInt8(32) === 1 && record.readUInt8(33) <= 1;
      if (extent === undefined) unsound += 1;
      else if (isDirectory && !isDots) waiting.push(extent);
      else if (!isDirectory && extent.sizeBytes > 0) {
        if (extent.sector * DISC_SECTOR_BYTES + extent.sizeBytes > sizeBytes) beyond += 1;
      }
    }
  }
  if (beyond > 0) yield incomplete(`${beyond} of its files and folders go on`);
  if (unsound > 0)
    yield damaged(`${unsound} of its files and folders contradict themselves in where they stand.`);
}

/** El Torito §2.1: the words of the first entry of the boot catalogue come to 0. */
async function* checkBootCatalogue({ readAt }: ValidationSource, descriptor: Buffer): AsyncGenerator<Defect> {
  const entry = await readAt(descriptor.readUInt32LE(71) * DISC_SECTOR_BYTES, 32);
  if (entry.length < 32) {
    yield incomplete('Its boot catalogue stands');
    return;
  }
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += entry.readUInt16LE(at);
  if (entry.readUInt8(0) !== 1 || (sum & 0xffff) !== 0)
    yield damaged('The checksum of its boot catalogue is wrong.');
}

/** ECMA-167 3/7.2.3: the sum of the bytes of a tag, its own left out. */
async function* checkAnchor({ readAt }: ValidationSource): AsyncGenerator<Defect> {
  const tag = await readAt(ANCHOR_SECTOR * DISC_SECTOR_BYTES, 16);
  if (tag.length < 16) {
    yield incomplete('The anchor of its volume stands');
    return;
  }
  const sum = tag.reduce((total, byte, at) => (at === 4 ? total : total + byte), 0) & 0xff;
  if (tag.readUInt16LE(0) !== ANCHOR_TAG || tag.readUInt8(4) !== sum) {
    yield damaged('The checksum of the anchor of its volume is wrong.');
  }
}

async function* validate(source: ValidationSource): AsyncGenerator<Defect> {
  const { readAt } = source;
  const read = (index: number) => readAt((FIRST_DESCRIPTOR + index) * DISC_SECTOR_BYTES, DISC_SECTOR_BYTES);
  const primary = await read(0);
  if (primary.length < DISC_SECTOR_BYTES || !startsWith(primary, 'CD001', 1)) {
    yield* checkAnchor(source);
    return;
  }
  for (let index = 0; index < MAX_DESCRIPTORS; index += 1) {
    const descriptor = await read(index);
    if (!startsWith(descriptor, 'CD001', 1) || descriptor.length < DISC_SECTOR_BYTES) {
      yield damaged('The list of its volume descriptors has no end.');
      return;
    }
    const type = descriptor.readUInt8(0);
    if (type === 255) return;
    if (type === 0 && startsWith(descriptor, EL_TORITO, 7)) yield* checkBootCatalogue(source, descriptor);
    if (type !== 1) continue;
    if (bothOrders(descriptor, 80) === undefined)
      yield damaged('Its volume contradicts itself in how large it is.');
    yield* checkTree(source, descriptor.subarray(ROOT_RECORD, ROOT_RECORD + 34));
  }
}

/** Optical discs. */
export const iso: FileFormat = { name: 'iso', stage: 'within', describe, validate };
