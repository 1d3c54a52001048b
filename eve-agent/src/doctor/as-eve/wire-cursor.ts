// SPDX-License-Identifier: Apache-2.0
/** Why miekg/dns discards a message, whatever else it holds. */
export class Rejected extends Error {}

/** A place in a datagram that is being read. */
export interface Cursor {
  readonly bytes: Buffer;
  offset: number;
  /** Nothing is read from here on, except by a pointer. */
  readonly end: number;
}

const MAX_NAME_BYTES = 255;
/** miekg/dns: as many as a name of 255 bytes can have. */
const MAX_POINTERS = 126;

/** @returns where the bytes start. @throws Rejected when there are not as many */
export function take(cursor: Cursor, byteCount: number, what: string): number {
  const start = cursor.offset;
  if (start + byteCount > cursor.end) throw new Rejected(`${what} is cut off`);
  cursor.offset += byteCount;
  return start;
}

/** @throws Rejected at the end */
export const takeUint8 = (cursor: Cursor, what: string): number =>
  cursor.bytes.readUInt8(take(cursor, 1, what));

/** @throws Rejected at the end */
export const takeUint16 = (cursor: Cursor, what: string): number =>
  cursor.bytes.readUInt16BE(take(cursor, 2, what));

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

/**
 * Reads a name, compressed or not (miekg/dns `UnpackDomainName`).
 *
 * @returns it in presentation form with the root
 * @throws Rejected
 */
export function takeName(cursor: Cursor): string {
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
