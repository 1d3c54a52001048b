// SPDX-License-Identifier: Apache-2.0
/** DNS messages as miekg/dns reads them, with which EVE's downloader hears multicast DNS. */
import { type Cursor, Rejected, take, takeName, takeUint16 } from './wire-cursor.ts';
import { takeData, type WireData } from './wire-data.ts';

export interface WireRecord {
  /** In presentation form with the root, as `\DDD` and `\X` escapes have it: `ds.local.` */
  readonly owner: string;
  readonly ttlSeconds: number;
  readonly data: WireData;
}

export interface WireMessage {
  /** Of all sections, in their order. */
  readonly records: readonly WireRecord[];
}

const HEADER_BYTES = 12;

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
