// SPDX-License-Identifier: Apache-2.0
import * as dnsPacket from 'dns-packet';
import { MAX_RECORDS_PER_DATAGRAM } from './datagram-filter.ts';
import type { DnsMessage, DnsRecord } from './dns-message.ts';

/** dns-packet 5.6.1 decodes single records, too; @types/dns-packet 5.6.5 does not say so. */
const recordCodec = (
  dnsPacket as unknown as {
    readonly answer: { decode: ((bytes: Uint8Array, offset: number) => DnsRecord) & { bytes: number } };
  }
).answer;

/** RFC 1035 §4.1.1. */
const HEADER_BYTES = 12;
const RESPONSE_BIT = 0x80;
/** RFC 1035 §4.1.3: type, class, TTL and the length of the data, after the name. */
const RECORD_HEAD_BYTES = 10;
const QUESTION_TAIL_BYTES = 4;
/** Whoever writes more than this is no responder with one fault. */
const MAX_MALFORMED_RECORDS = 16;

/** A message of which some records could not be read. */
export interface DecodedMessage extends DnsMessage {
  readonly type: 'query' | 'response';
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** How many records were left out; records that the counts promise and that are not there are one. */
  readonly malformedRecordCount: number;
}

/**
 * Where a name ends, without following its pointers. undefined: it runs out of the message, or has a label of
 * a kind that nobody knows the length of.
 */
function endOfName(bytes: Buffer, start: number): number | undefined {
  for (let offset = start; offset < bytes.length; ) {
    const length = bytes[offset] as number;
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2 <= bytes.length ? offset + 2 : undefined;
    if (length >= 0x40) return undefined;
    offset += 1 + length;
  }
  return undefined;
}

/** Where a record ends, by the length that it states. undefined: behind the end of the message. */
function endOfRecord(bytes: Buffer, start: number): number | undefined {
  const nameEnd = endOfName(bytes, start);
  if (nameEnd === undefined || nameEnd + RECORD_HEAD_BYTES > bytes.length) return undefined;
  const end = nameEnd + RECORD_HEAD_BYTES + bytes.readUInt16BE(nameEnd + RECORD_HEAD_BYTES - 2);
  return end <= bytes.length ? end : undefined;
}

/** @returns undefined when the record is not what its type says, or does not fill its length */
function decodeRecord(bytes: Buffer, start: number, end: number): DnsRecord | undefined {
  try {
    // Nothing behind the record belongs to it; its name may point at what stands before.
    const record = recordCodec.decode(bytes.subarray(0, end), start);
    return recordCodec.decode.bytes === end - start ? record : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Decodes a message record by record, so that one that is malformed costs itself alone: every record states
 * its length, and the next begins behind it (RFC 1035 §4.1.3). What cannot be skipped ends the message;
 * what stood before it counts, as with Avahi.
 *
 * @returns null when nothing of it can be read: no DNS at all, or records of which none is sound
 */
export function decodeMessage(bytes: Buffer): DecodedMessage | null {
  if (bytes.length < HEADER_BYTES) return null;
  const type = ((bytes[2] as number) & RESPONSE_BIT) === 0 ? 'query' : 'response';
  let offset = HEADER_BYTES;
  for (let left = bytes.readUInt16BE(4); left > 0; left -= 1) {
    const end = endOfName(bytes, offset);
    if (end === undefined || end + QUESTION_TAIL_BYTES > bytes.length) return null;
    offset = end + QUESTION_TAIL_BYTES;
  }
  const sections: [DnsRecord[], DnsRecord[], DnsRecord[]] = [[], [], []];
  let malformedRecordCount = 0;
  let recordCount = 0;
  let isReadable = true;
  for (const [index, section] of sections.entries()) {
    for (let left = bytes.readUInt16BE(6 + 2 * index); left > 0 && isReadable; left -= 1) {
      const end = recordCount < MAX_RECORDS_PER_DATAGRAM ? endOfRecord(bytes, offset) : undefined;
      const record = end === undefined ? undefined : decodeRecord(bytes, offset, end);
      if (record === undefined) malformedRecordCount += 1;
      else section.push(record);
      recordCount += 1;
      isReadable = end !== undefined && malformedRecordCount < MAX_MALFORMED_RECORDS;
      offset = end ?? offset;
    }
  }
  const [answers, authorities, additionals] = sections;
  const isEmpty = answers.length + authorities.length + additionals.length === 0;
  if (isEmpty && malformedRecordCount > 0) return null;
  return { type, answers, authorities, additionals, malformedRecordCount };
}
