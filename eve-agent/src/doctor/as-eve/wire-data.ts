// SPDX-License-Identifier: Apache-2.0
import { type Cursor, Rejected, take, takeName, takeUint8, takeUint16 } from './wire-cursor.ts';

/** What of a record's data matters to EVE's search. */
export type WireData =
  /** '' where the record is cut off in front of it, which miekg/dns bears. */
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'PTR' | 'SRV'; readonly target: string }
  | { readonly type: 'TXT' | 'other' };

const TYPE = {
  ...{ A: 1, NS: 2, CNAME: 5, PTR: 12, HINFO: 13, MX: 15, TXT: 16, AAAA: 28, SRV: 33, DNAME: 39 },
  ...{ OPT: 41, NSEC: 47, SVCB: 64, HTTPS: 65 },
};

/** RFC 9460 §14.3.2. */
const SVCB_KEY = {
  mandatory: 0,
  alpn: 1,
  noDefaultAlpn: 2,
  port: 3,
  ipv4hint: 4,
  ipv6hint: 6,
  invalid: 65_535,
};

const isAtEnd = ({ offset, end }: Cursor) => offset === end;

/** RFC 4034 §4.1.2: blocks in order, of 1 to 32 octets; none at all is borne. */
function checkTypeBitmaps(cursor: Cursor): void {
  let lastWindow = -1;
  while (!isAtEnd(cursor)) {
    const window = takeUint8(cursor, 'an NSEC bitmap');
    const length = takeUint8(cursor, 'an NSEC bitmap');
    if (window <= lastWindow) throw new Rejected('the bitmaps of an NSEC record are out of order');
    if (length === 0) throw new Rejected('an NSEC record has a window block of length 0');
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
  while (!isAtEnd(cursor)) take(cursor, takeUint8(cursor, 'a text'), 'a text');
}

function isSoundServiceValue(key: number, value: Buffer): boolean {
  switch (key) {
    case SVCB_KEY.mandatory:
      return value.length % 2 === 0;
    case SVCB_KEY.alpn: {
      let offset = 0;
      while (offset < value.length) offset += 1 + (value[offset] as number);
      return offset === value.length;
    }
    case SVCB_KEY.noDefaultAlpn:
      return value.length === 0;
    case SVCB_KEY.port:
      return value.length === 2;
    case SVCB_KEY.ipv4hint:
      return value.length > 0 && value.length % 4 === 0;
    case SVCB_KEY.ipv6hint: {
      const isMapped = (at: number) => value.toString('hex', at, at + 12) === `${'00'.repeat(10)}ffff`;
      const starts = Array.from({ length: value.length / 16 }, (_, i) => i * 16);
      return value.length > 0 && value.length % 16 === 0 && !starts.some(isMapped);
    }
    default:
      return key !== SVCB_KEY.invalid;
  }
}

/** RFC 9460 §2.2, as an HTTPS record has it, too; what ends behind a field is borne. */
function checkServiceBinding(cursor: Cursor): void {
  take(cursor, 2, 'an HTTPS record');
  if (isAtEnd(cursor)) return;
  takeName(cursor);
  let lastKey = -1;
  while (!isAtEnd(cursor)) {
    const key = takeUint16(cursor, 'an HTTPS record');
    const length = takeUint16(cursor, 'an HTTPS record');
    const value = cursor.bytes.subarray(take(cursor, length, 'an HTTPS record'), cursor.offset);
    if (!isSoundServiceValue(key, value)) throw new Rejected(`an HTTPS record has a malformed key ${key}`);
    if (key <= lastKey) throw new Rejected('the keys of an HTTPS record are out of order');
    lastKey = key;
  }
}

/** Priority, weight, port and target: each may be the last. */
function takeServiceTarget(cursor: Cursor): string {
  for (const _ of ['priority', 'weight', 'port']) {
    if (isAtEnd(cursor)) return '';
    take(cursor, 2, 'an SRV record');
  }
  return isAtEnd(cursor) ? '' : takeName(cursor);
}

function takeOptions(cursor: Cursor): void {
  while (!isAtEnd(cursor)) {
    take(cursor, 2, 'an option');
    take(cursor, takeUint16(cursor, 'an option'), 'an option');
  }
}

/**
 * Reads the data of a record, which ends at the cursor's end. No data at all is never wrong.
 *
 * @throws Rejected
 */
export function takeData(cursor: Cursor, type: number): WireData {
  const isEmpty = isAtEnd(cursor);
  switch (type) {
    case TYPE.A:
      return { type: 'A', address: isEmpty ? '' : takeAddress(cursor, 'A') };
    case TYPE.AAAA:
      return { type: 'AAAA', address: isEmpty ? '' : takeAddress(cursor, 'AAAA') };
    case TYPE.PTR:
      return { type: 'PTR', target: isEmpty ? '' : takeName(cursor) };
    case TYPE.SRV:
      return { type: 'SRV', target: takeServiceTarget(cursor) };
    case TYPE.TXT:
      takeStrings(cursor);
      return { type: 'TXT' };
  }
  if (!isEmpty) passOver(cursor, type);
  return { type: 'other' };
}

function passOver(cursor: Cursor, type: number): void {
  switch (type) {
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.DNAME:
      takeName(cursor);
      return;
    case TYPE.MX:
      take(cursor, 2, 'an MX record');
      if (!isAtEnd(cursor)) takeName(cursor);
      return;
    case TYPE.HINFO:
      for (let texts = 0; texts < 2 && !isAtEnd(cursor); texts += 1) {
        take(cursor, takeUint8(cursor, 'a text'), 'a text');
      }
      return;
    case TYPE.NSEC:
      takeName(cursor);
      checkTypeBitmaps(cursor);
      return;
    case TYPE.SVCB:
    case TYPE.HTTPS:
      checkServiceBinding(cursor);
      return;
    case TYPE.OPT:
      takeOptions(cursor);
      return;
    default:
      cursor.offset = cursor.end;
  }
}
