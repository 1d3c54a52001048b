// SPDX-License-Identifier: Apache-2.0
import { type Defect, damaged, type ValidationSource } from './file-format.ts';
import { incomplete } from './image-source.ts';

/** What the header of a QCOW2 says of its tables (QEMU docs/interop/qcow2). */
interface Geometry {
  readonly clusterBits: number;
  readonly clusterBytes: number;
  /** Of the active disk: entries of its first-level table, and where that stands. */
  readonly firstEntries: number;
  readonly firstAt: number;
  readonly countsAt: number;
  readonly countsClusters: number;
  /** Bits of a reference count. */
  readonly countBits: number;
  /** Of an entry of a second-level table: twice as large where clusters have parts. */
  readonly entryBytes: 8 | 16;
  /** Data stands in another file. */
  readonly isDataElsewhere: boolean;
  /** Reference counts are brought up to date when it is opened. */
  readonly areCountsOld: boolean;
}

const INCOMPATIBLE = { dirty: 1, externalData: 4, extendedEntries: 16 } as const;
/** QEMU takes no larger ones. */
const MAX_FIRST_BYTES = 32 * 1024 * 1024;
const MAX_COUNTS_BYTES = 8 * 1024 * 1024;
/** A byte each: how often a cluster is used. Of more clusters, reference counts are not compared. */
const MAX_COUNTED = 16 * 1024 * 1024;
const MOST = 255;
const PIECE_BYTES = 64 * 1024;
const COMPRESSED = 0x4000_0000;
const NO_PLACE = -1;

function parseGeometry({ head, sizeBytes }: ValidationSource, clusterBits: number): Geometry | Defect {
  const isThird = head.readUInt32BE(4) >= 3;
  const incompatible = isThird ? head.readUInt32BE(76) : 0;
  const countOrder = isThird ? head.readUInt32BE(96) : 4;
  const clusterBytes = 2 ** clusterBits;
  const geometry = {
    ...{ clusterBits, clusterBytes, countBits: 2 ** countOrder },
    firstEntries: head.readUInt32BE(36),
    firstAt: Number(head.readBigUInt64BE(40)),
    countsAt: Number(head.readBigUInt64BE(48)),
    countsClusters: head.readUInt32BE(56),
    entryBytes: (incompatible & INCOMPATIBLE.extendedEntries) === 0 ? 8 : 16,
    isDataElsewhere: (incompatible & INCOMPATIBLE.externalData) !== 0,
    areCountsOld: (incompatible & INCOMPATIBLE.dirty) !== 0,
  } as const;
  if (countOrder > 6) return damaged('Its header gives a size of reference counts that there is not.');
  const firstBytes = geometry.firstEntries * 8;
  const countsBytes = geometry.countsClusters * clusterBytes;
  if (firstBytes > MAX_FIRST_BYTES || countsBytes > MAX_COUNTS_BYTES) {
    return damaged('Its header gives tables that are larger than any.');
  }
  if (geometry.firstAt % clusterBytes !== 0 || geometry.countsAt % clusterBytes !== 0) {
    return damaged('Its header gives tables that do not begin with a cluster.');
  }
  // The last cluster of a file need not be whole.
  const countsEnd = geometry.countsAt + Math.max(0, countsBytes - clusterBytes);
  if (geometry.firstAt + firstBytes > sizeBytes || countsEnd >= sizeBytes)
    return incomplete('Its tables stand');
  return geometry;
}

/** Bits 9 to 55 of an entry. */
const placeIn = (table: Buffer, at: number): number =>
  (table.readUInt32BE(at) & 0x00ff_ffff) * 2 ** 32 + ((table.readUInt32BE(at + 4) & 0xffff_fe00) >>> 0);

/** How often each cluster is used, as far as that is counted. */
function createUses({ sizeBytes }: ValidationSource, { clusterBits, clusterBytes }: Geometry) {
  const clusters = Math.ceil(sizeBytes / clusterBytes);
  const uses = clusters <= MAX_COUNTED ? new Uint8Array(clusters) : undefined;
  return {
    uses,
    /** Every cluster that holds some of these bytes. */
    add(offset: number, lengthBytes: number): void {
      if (uses === undefined) return;
      const last = Math.floor((offset + Math.max(lengthBytes, 1) - 1) / clusterBytes);
      for (
        let cluster = Math.floor(offset / 2 ** clusterBits);
        cluster <= last && cluster < clusters;
        cluster += 1
      ) {
        const before = uses[cluster] ?? 0;
        if (before < MOST) uses[cluster] = before + 1;
      }
    },
  };
}

type Uses = ReturnType<typeof createUses>;

interface Found {
  beyond: number;
  unaligned: number;
}

/** Where a compressed cluster stands, in sectors of 512 bytes that clusters share. */
function compressedPlace(table: Buffer, at: number, clusterBits: number) {
  const value = table.readBigUInt64BE(at) & 0x3fff_ffff_ffff_ffffn;
  const bits = BigInt(62 - (clusterBits - 8));
  const offset = Number(value & ((1n << bits) - 1n));
  const sectors = Number(value >> bits) + 1;
  return { offset, lengthBytes: sectors * 512 - (offset % 512) };
}

function lookIntoSecond(
  table: Buffer,
  geometry: Geometry,
  sizeBytes: number,
  { add }: Uses,
  found: Found,
): void {
  const { clusterBits, clusterBytes, entryBytes, isDataElsewhere } = geometry;
  for (let at = 0; at + entryBytes <= table.length; at += entryBytes) {
    if ((table.readUInt32BE(at) & COMPRESSED) !== 0) {
      const { offset, lengthBytes } = compressedPlace(table, at, clusterBits);
      if (offset >= sizeBytes) found.beyond += 1;
      else add(offset, lengthBytes);
      continue;
    }
    const place = placeIn(table, at);
    if (place === 0 || isDataElsewhere) continue;
    if (place % clusterBytes !== 0) found.unaligned += 1;
    else if (place >= sizeBytes) found.beyond += 1;
    else add(place, clusterBytes);
  }
}

/** A table in pieces, for it may have megabytes. */
async function* entriesOf({ readAt, signal }: ValidationSource, at: number, lengthBytes: number) {
  for (let done = 0; done < lengthBytes; done += PIECE_BYTES) {
    signal.throwIfAborted();
    const piece = await readAt(at + done, Math.min(PIECE_BYTES, lengthBytes - done));
    for (let entry = 0; entry + 8 <= piece.length; entry += 8) yield placeIn(piece, entry);
  }
}

/** What all tables of the active disk lead to. */
async function* checkTree(source: ValidationSource, geometry: Geometry, uses: Uses): AsyncGenerator<Defect> {
  const { sizeBytes, readAt } = source;
  const { clusterBytes, firstAt, firstEntries } = geometry;
  const found: Found = { beyond: 0, unaligned: 0 };
  uses.add(0, clusterBytes);
  uses.add(firstAt, firstEntries * 8);
  for await (const place of entriesOf(source, firstAt, firstEntries * 8)) {
    if (place === 0) continue;
    if (place % clusterBytes !== 0) found.unaligned += 1;
    else if (place + clusterBytes > sizeBytes) found.beyond += 1;
    else {
      uses.add(place, clusterBytes);
      lookIntoSecond(await readAt(place, clusterBytes), geometry, sizeBytes, uses, found);
    }
  }
  if (found.beyond > 0) yield incomplete(`${found.beyond} of its tables and clusters stand`);
  if (found.unaligned > 0)
    yield damaged(`${found.unaligned} entries of its tables lead into the middle of a cluster.`);
}

function countIn(block: Buffer, index: number, bits: number): number {
  if (bits < 8)
    return ((block[Math.floor((index * bits) / 8)] ?? 0) >> ((index * bits) % 8)) & (2 ** bits - 1);
  const at = (index * bits) / 8;
  if (at + bits / 8 > block.length) return 0;
  // Of 64 bits, whatever does not fit is more than any count here.
  return bits === 64 ? Math.min(Number(block.readBigUInt64BE(at)), 2 ** 48) : block.readUIntBE(at, bits / 8);
}

/** Whether what is used is counted as used: what is not would be written over. */
async function* checkCounts(source: ValidationSource, geometry: Geometry, all: Uses): AsyncGenerator<Defect> {
  const { sizeBytes, readAt, signal } = source;
  const { clusterBytes, countsAt, countsClusters, countBits, areCountsOld } = geometry;
  const tableBytes = countsClusters * clusterBytes;
  const perBlock = (clusterBytes * 8) / countBits;
  const lastBlock = Math.ceil(Math.ceil(sizeBytes / clusterBytes) / perBlock);
  const blocks: number[] = [];
  let wrong = 0;
  all.add(countsAt, tableBytes);
  for await (const place of entriesOf(source, countsAt, tableBytes)) {
    const isWrong = place % clusterBytes !== 0 || place >= sizeBytes;
    if (isWrong) wrong += 1;
    else if (place !== 0) all.add(place, clusterBytes);
    // Of what stands behind the file nothing is used.
    if (blocks.length < lastBlock) blocks.push(isWrong || place === 0 ? NO_PLACE : place);
  }
  if (wrong > 0) yield damaged(`${wrong} entries of its table of reference counts lead nowhere.`);
  const { uses } = all;
  if (uses === undefined || areCountsOld) return;
  let short = 0;
  for (let number = 0; number < lastBlock; number += 1) {
    signal.throwIfAborted();
    const place = blocks[number] ?? NO_PLACE;
    const block = place === NO_PLACE ? Buffer.alloc(0) : await readAt(place, clusterBytes);
    const end = Math.min(perBlock, uses.length - number * perBlock);
    for (let index = 0; index < end; index += 1) {
      const used = uses[number * perBlock + index] ?? 0;
      if (used > 0 && countIn(block, index, countBits) < Math.min(used, 2 ** countBits - 1)) short += 1;
    }
  }
  if (short > 0)
    yield damaged(`${short} of its clusters are used and not counted as used: qemu-img check -r all FILE`);
}

/**
 * Follows all tables of a QCOW2: what they lead to lies within the file, begins with a cluster, and is counted as used.
 *
 * @param clusterBits as its header has it, known to be possible
 */
export async function* checkQcow2(source: ValidationSource, clusterBits: number): AsyncGenerator<Defect> {
  const geometry = parseGeometry(source, clusterBits);
  if ('code' in geometry) {
    yield geometry;
    return;
  }
  const uses = createUses(source, geometry);
  yield* checkTree(source, geometry, uses);
  yield* checkCounts(source, geometry, uses);
}
