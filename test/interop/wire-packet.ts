// SPDX-License-Identifier: Apache-2.0
/** A parser of DNS messages that forgives nothing, as some queriers drop a packet for one odd record. */

export interface WireRecord {
  /** Every byte of the owner name, length octets included, compression resolved. */
  readonly owner: Buffer;
  readonly type: number;
  readonly isCacheFlush: boolean;
  readonly ttlSeconds: number;
  /** The record data as it stands. */
  readonly data: Buffer;
  /** PTR: where it points. SRV: its target. Compression resolved. */
  readonly target: Buffer | undefined;
}

export interface WirePacket {
  readonly id: number;
  readonly flags: number;
  readonly questionCount: number;
  readonly records: readonly WireRecord[];
}

export const RECORD_TYPES = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NSEC: 47 } as const;

const HEADER_BYTES = 12;
const CLASS_IN = 1;
const CACHE_FLUSH = 0x8000;
const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;

/** The bytes of a name as RFC 1035 §3.1 has it, uncompressed: `ds.local` → 2 d s 5 l o c a l 0. */
export function wireName(...labels: readonly string[]): Buffer {
  const parts = labels.map((label) => Buffer.from(label, 'utf8'));
  return Buffer.concat([...parts.flatMap((part) => [Buffer.of(part.length), part]), Buffer.of(0)]);
}

/** The query as EVE's downloader sends it: one PTR question, class IN without the QU bit, flags 0. */
export function ptrQuery(id: number, ...labels: readonly string[]): Buffer {
  return query(id, RECORD_TYPES.PTR, wireName(...labels));
}

/** A query with one question, class IN without the QU bit, flags 0. */
export function query(id: number, type: number, name: Buffer): Buffer {
  const header = Buffer.from([id >> 8, id & 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, name, Buffer.from([0, type, 0, CLASS_IN])]);
}

function readName(bytes: Buffer, start: number): { name: Buffer; end: number } {
  const parts: Buffer[] = [];
  let size = 0;
  let end: number | undefined;
  for (let offset = start; ; ) {
    const length = bytes.readUInt8(offset);
    if (length >= 0xc0) {
      end ??= offset + 2;
      const pointer = bytes.readUInt16BE(offset) & 0x3fff;
      // RFC 1035 §4.1.4: a pointer leads to a prior occurrence.
      if (pointer >= offset || pointer < HEADER_BYTES) throw new Error(`pointer to ${pointer} at ${offset}`);
      offset = pointer;
      continue;
    }
    if (length > MAX_LABEL_BYTES) throw new Error(`label of ${length} bytes at ${offset}`);
    if (offset + 1 + length > bytes.length) throw new Error(`label at ${offset} is cut off`);
    size += 1 + length;
    if (size > MAX_NAME_BYTES) throw new Error(`name at ${start} is longer than ${MAX_NAME_BYTES} bytes`);
    parts.push(bytes.subarray(offset, offset + 1 + length));
    offset += 1 + length;
    if (length === 0) return { name: Buffer.concat(parts), end: end ?? offset };
  }
}

/** RFC 4034 §4.1.2: windows in order, each with 1 to 32 octets of which the last is not zero; not none. */
function checkTypeBitmaps(bitmaps: Buffer): void {
  if (bitmaps.length === 0) throw new Error('NSEC with an empty bitmap');
  let lastWindow = -1;
  for (let offset = 0; offset < bitmaps.length; ) {
    const window = bitmaps.readUInt8(offset);
    const length = bitmaps.readUInt8(offset + 1);
    const last = bitmaps.readUInt8(offset + 1 + length);
    if (window <= lastWindow || length < 1 || length > 32 || last === 0) {
      throw new Error(`NSEC window ${window} with ${length} octets`);
    }
    lastWindow = window;
    offset += 2 + length;
  }
}

function checkTexts(data: Buffer): void {
  let offset = 0;
  while (offset < data.length) offset += 1 + data.readUInt8(offset);
  if (data.length === 0 || offset !== data.length) throw new Error('TXT strings do not fill the record');
}

function readTarget(bytes: Buffer, type: number, start: number, end: number): Buffer | undefined {
  if (type === RECORD_TYPES.PTR || type === RECORD_TYPES.SRV) {
    const { name, end: nameEnd } = readName(bytes, start + (type === RECORD_TYPES.SRV ? 6 : 0));
    if (nameEnd !== end) throw new Error(`record data of type ${type} does not end with its name`);
    return name;
  }
  const data = bytes.subarray(start, end);
  if (type === RECORD_TYPES.NSEC) {
    const { end: nameEnd } = readName(bytes, start);
    checkTypeBitmaps(bytes.subarray(nameEnd, end));
  } else if (type === RECORD_TYPES.TXT) checkTexts(data);
  else if (type === RECORD_TYPES.A && data.length !== 4) throw new Error(`A record of ${data.length} bytes`);
  else if (!(Object.values(RECORD_TYPES) as number[]).includes(type)) throw new Error(`record type ${type}`);
  return undefined;
}

/**
 * Reads a whole datagram.
 *
 * @throws Error naming the first thing that is not as the RFCs have it, bytes after the last record included
 */
export function parseWirePacket(bytes: Buffer): WirePacket {
  const [id = 0, flags = 0, questionCount = 0, ...recordCounts] = Array.from({ length: 6 }, (_, index) =>
    bytes.readUInt16BE(index * 2),
  );
  let offset = HEADER_BYTES;
  for (let left = questionCount; left > 0; left -= 1) offset = readName(bytes, offset).end + 4;

  const records: WireRecord[] = [];
  for (let left = recordCounts.reduce((sum, count) => sum + count, 0); left > 0; left -= 1) {
    const { name: owner, end: ownerEnd } = readName(bytes, offset);
    const type = bytes.readUInt16BE(ownerEnd);
    const recordClass = bytes.readUInt16BE(ownerEnd + 2);
    if ((recordClass & ~CACHE_FLUSH) !== CLASS_IN) throw new Error(`record class ${recordClass}`);
    const ttlSeconds = bytes.readUInt32BE(ownerEnd + 4);
    const start = ownerEnd + 10;
    const end = start + bytes.readUInt16BE(ownerEnd + 8);
    if (end > bytes.length) throw new Error(`record at ${offset} is cut off`);
    const target = readTarget(bytes, type, start, end);
    const isCacheFlush = (recordClass & CACHE_FLUSH) !== 0;
    records.push({ owner, type, isCacheFlush, ttlSeconds, data: bytes.subarray(start, end), target });
    offset = end;
  }
  if (offset !== bytes.length) throw new Error(`${bytes.length - offset} bytes after the last record`);
  return { id, flags, questionCount, records };
}
