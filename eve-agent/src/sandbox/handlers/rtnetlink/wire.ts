// SPDX-License-Identifier: Apache-2.0
/** Messages of netlink (netlink(7), `linux/netlink.h`): numbers in the order of the machine, which is little-endian. */
import { CodedError } from '@local-datastore/shared/errors';

/** RTNETLINK_MALFORMED: no message of netlink; else `code` is the name of the errno that the kernel gave. */
export class RtnetlinkError extends CodedError {}

export const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** Both are the bits of a type that say something else. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

export const MESSAGE = {
  error: 2,
  done: 3,
  newLink: 16,
  getLink: 18,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
} as const;

export const FLAG = {
  request: 0x1,
  acknowledge: 0x4,
  /** Of an answer: the table changed while it was read. */
  interrupted: 0x10,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
} as const;

const align = (length: number) => (length + 3) & ~3;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** @param body its fixed part and attributes */
export function encodeMessage({ type, flags, sequence, body }: NetlinkMessage): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + body.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, body]);
}

/** One attribute, filled up to where the next may begin. */
export function encodeAttribute(type: number, value: Buffer): Buffer {
  const length = ATTRIBUTE_HEADER_BYTES + value.length;
  const bytes = Buffer.alloc(align(length));
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

/** The messages of a datagram. @throws RtnetlinkError RTNETLINK_MALFORMED when a length leads outside */
export function decodeMessages(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let offset = 0; offset < datagram.length; ) {
    const length = offset + HEADER_BYTES <= datagram.length ? datagram.readUInt32LE(offset) : 0;
    if (length < HEADER_BYTES || offset + length > datagram.length) {
      throw new RtnetlinkError('RTNETLINK_MALFORMED', `a message of ${length} bytes of netlink`);
    }
    messages.push({
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      body: datagram.subarray(offset + HEADER_BYTES, offset + length),
    });
    offset += align(length);
  }
  return messages;
}

/** The attributes behind the fixed part of a message; of several with one type the last counts. */
export function decodeAttributes(body: Buffer, start: number): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let offset = start; offset < body.length; ) {
    const length = offset + ATTRIBUTE_HEADER_BYTES <= body.length ? body.readUInt16LE(offset) : 0;
    if (length < ATTRIBUTE_HEADER_BYTES || offset + length > body.length) {
      throw new RtnetlinkError('RTNETLINK_MALFORMED', `an attribute of ${length} bytes of netlink`);
    }
    const type = body.readUInt16LE(offset + 2) & ATTRIBUTE_TYPE_MASK;
    attributes.set(type, body.subarray(offset + ATTRIBUTE_HEADER_BYTES, offset + length));
    offset += align(length);
  }
  return attributes;
}
