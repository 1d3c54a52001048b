/** DNS messages as miekg/dns reads them, with which EVE's downloader hears multicast DNS. */

export interface WireRecord {
  /** In presentation form with the root, as `\DDD` and `\X` escapes have it: `ds.local.` */
  readonly owner: string;
  readonly ttlSeconds: number;
  readonly data:
    | { readonly type: 'A' | 'AAAA'; readonly address: string }
    | { readonly type: 'PTR' | 'SRV'; readonly target: string }
    | { readonly type: 'TXT' | 'other' };
}

export interface WireMessage {
  /** Of all sections, in their order. */
  readonly records: readonly WireRecord[];
}

const TYPE = { A: 1, NS: 2, CNAME: 5, PTR: 12, HINFO: 13, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, NSEC: 47 };
const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
/** miekg/dns: as many as a name of 255 bytes can have. */
const MAX_POINTERS = 126;

/** Why a message is discarded, whatever else it holds. */
class Rejected extends Error {}

interface Cursor {
  readonly bytes: Buffer;
  offset: number;
  /** Nothing is read from here on, except by a pointer. */
  readonly end: number;
}

function take(cursor: Cursor, byteCount: number, what: string): number {
  const start = cursor.offset;
  if (start + byteCount > cursor.end) throw new Rejected(`${what} is cut off`);
  cursor.offset += byteCount;
  return start;
}

const takeUint8 = (cursor: Cursor, what: string) => cursor.bytes.readUInt8(take(cursor, 1, what));
const takeUint16 = (cursor: Cursor, what: string) => cursor.bytes.readUInt16BE(take(cursor, 2, what));

/** Bytes that miekg/dns writes with a backslash in front. */
const SPECIAL = new Set([...'.\'@;()"\\ '].map((character) => character.charCodeAt(0)));

function presentLabel(bytes: Buffer): string {
  return [...bytes]
    .map((byte) => {
      if (SPECIAL.has(byte)) return `\\${String.fromCharCode(byte)}`;
      if (byte < 0x20 || byte > 0x7e) return `\\${String(byte).padStart(3, '0')}`;
      return String.fromCharCode(byte);
    })
    .join('');
}

function takeName(cursor: Cursor): string {
  const labels: string[] = [];
  const at: Cursor = { bytes: cursor.bytes, offset: cursor.offset, end: cursor.end };
  let isBehindPointer = false;
  let sizeBytes = 0;
  for (let pointers = 0; ; ) {
    const length = takeUint8(at, 'a name');
    if (length === 0) break;
    if (length < 0x40) {
      const start = take(at, length, 'a name');
      sizeBytes += 1 + length;
      if (sizeBytes >= MAX_NAME_BYTES) throw new Rejected(`a name is longer than ${MAX_NAME_BYTES} bytes`);
      labels.push(presentLabel(at.bytes.subarray(start, at.offset)));
    } else if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | takeUint8(at, 'a name');
      if (!isBehindPointer) cursor.offset = at.offset;
      isBehindPointer = true;
      pointers += 1;
      if (pointers > MAX_POINTERS) throw new Rejected('a name has too many compression pointers');
      at.offset = target;
    } else throw new Rejected('a name has a label of an unknown kind');
  }
  if (!isBehindPointer) cursor.offset = at.offset;
  return `${labels.join('.')}.`;
}

/** RFC 4034 §4.1.2: blocks in order, of 1 to 32 octets. */
function checkTypeBitmaps(cursor: Cursor): void {
  if (cursor.offset === cursor.end) throw new Rejected('an NSEC record has an empty bitmap');
  let lastWindow = -1;
  while (cursor.offset < cursor.end) {
    const window = takeUint8(cursor, 'an NSEC bitmap');
    const length = takeUint8(cursor, 'an NSEC bitmap');
    if (window <= lastWindow) throw new Rejected('the bitmaps of an NSEC record are out of order');
    if (length === 0) throw new Rejected('an NSEC record has an empty bitmap');
    if (length > 32) throw new Rejected('a bitmap of an NSEC record is too long');
    take(cursor, length, 'an NSEC bitmap');
    lastWindow = window;
  }
}

function takeAddress(cursor: Cursor, type: 'A' | 'AAAA'): string {
  if (type === 'A')
    return [...cursor.bytes.subarray(take(cursor, 4, 'an A record'), cursor.offset)].join('.');
  const start = take(cursor, 16, 'an AAAA record');
  const groups = Array.from({ length: 8 }, (_, i) => cursor.bytes.readUInt16BE(start + 2 * i).toString(16));
  return groups.join(':');
}

function takeStrings(cursor: Cursor): void {
  while (cursor.offset < cursor.end) take(cursor, takeUint8(cursor, 'a text'), 'a text');
}

function takeData(cursor: Cursor, type: number): WireRecord['data'] {
  // As miekg/dns: an empty record has no data to be wrong.
  if (cursor.offset === cursor.end) return { type: 'other' };
  switch (type) {
    case TYPE.A:
      return { type: 'A', address: takeAddress(cursor, 'A') };
    case TYPE.AAAA:
      return { type: 'AAAA', address: takeAddress(cursor, 'AAAA') };
    case TYPE.PTR:
      return { type: 'PTR', target: takeName(cursor) };
    case TYPE.SRV:
      take(cursor, 6, 'an SRV record');
      return { type: 'SRV', target: takeName(cursor) };
    case TYPE.NS:
    case TYPE.CNAME:
      takeName(cursor);
      return { type: 'other' };
    case TYPE.TXT:
    case TYPE.HINFO:
      takeStrings(cursor);
      return { type: type === TYPE.TXT ? 'TXT' : 'other' };
    case TYPE.NSEC:
      takeName(cursor);
      checkTypeBitmaps(cursor);
      return { type: 'other' };
    case TYPE.OPT:
      while (cursor.offset < cursor.end) {
        takeUint16(cursor, 'an option');
        take(cursor, takeUint16(cursor, 'an option'), 'an option');
      }
      return { type: 'other' };
    default:
      cursor.offset = cursor.end;
      return { type: 'other' };
  }
}

function takeRecord(cursor: Cursor): WireRecord {
  const owner = takeName(cursor);
  const type = takeUint16(cursor, 'a record');
  take(cursor, 2, 'a record');
  const ttlSeconds = cursor.bytes.readUInt32BE(take(cursor, 4, 'a record'));
  const length = takeUint16(cursor, 'a record');
  const start = take(cursor, length, 'a record');
  const inside: Cursor = { bytes: cursor.bytes, offset: start, end: cursor.offset };
  const data = takeData(inside, type);
  if (inside.offset !== inside.end) throw new Rejected(`a record of type ${type} has bytes left over`);
  return { owner, ttlSeconds, data };
}

/**
 * Reads a datagram, a query or a response, whole or not at all.
 *
 * @returns the message; or one clause that says why miekg/dns discards it
 */
export function readWireMessage(bytes: Buffer): WireMessage | string {
  try {
    const cursor: Cursor = { bytes, offset: 0, end: bytes.length };
    const start = take(cursor, HEADER_BYTES, 'the header');
    const counts = [4, 6, 8, 10].map((offset) => bytes.readUInt16BE(start + offset));
    const [questions = 0, ...sections] = counts;
    for (let i = 0; i < questions && cursor.offset < cursor.end; i += 1) {
      takeName(cursor);
      take(cursor, 4, 'a question');
    }
    const records: WireRecord[] = [];
    // Counts that promise more than there is are borne, as are bytes behind the last record.
    const recordCount = sections.reduce((sum, count) => sum + count, 0);
    while (records.length < recordCount && cursor.offset < cursor.end) records.push(takeRecord(cursor));
    return { records };
  } catch (error) {
    if (error instanceof Rejected) return error.message;
    throw error;
  }
}
