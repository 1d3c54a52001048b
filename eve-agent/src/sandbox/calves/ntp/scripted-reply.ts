// SPDX-License-Identifier: Apache-2.0
import { ntpTimestampOf } from './ntp-timestamp.ts';

/** For tests: the answer of a server, every field of which may be a lie. Times in nanoseconds since 1970. */
export interface ReplyFields {
  readonly leap?: number;
  readonly version?: number;
  readonly mode?: number;
  readonly stratum?: number;
  readonly pollLog2?: number;
  readonly precisionLog2?: number;
  readonly rootDelayMs?: number;
  readonly rootDispersionMs?: number;
  /** Four characters, or a number. */
  readonly reference?: string | number;
  readonly referenceTimestamp?: bigint;
  readonly originTimestamp?: bigint;
  readonly receivedUnixNs?: bigint;
  readonly sentUnixNs?: bigint;
  readonly receiveTimestamp?: bigint;
  readonly transmitTimestamp?: bigint;
  /** What stands behind the header. */
  readonly tail?: Uint8Array;
}

/** A sound answer of a stratum 2 server, but for what is said. */
export function encodeReply(fields: ReplyFields): Buffer {
  const head = Buffer.alloc(48);
  const { leap = 0, version = 4, mode = 4, reference = 0x0a01_0001 } = fields;
  const sent = fields.transmitTimestamp ?? ntpTimestampOf(fields.sentUnixNs ?? 0n);
  const received =
    fields.receiveTimestamp ?? ntpTimestampOf(fields.receivedUnixNs ?? fields.sentUnixNs ?? 0n);
  head.writeUInt8((leap << 6) | (version << 3) | mode, 0);
  head.writeUInt8(fields.stratum ?? 2, 1);
  head.writeInt8(fields.pollLog2 ?? 6, 2);
  head.writeInt8(fields.precisionLog2 ?? -20, 3);
  head.writeUInt32BE(Math.round(((fields.rootDelayMs ?? 1) / 1000) * 65_536), 4);
  head.writeUInt32BE(Math.round(((fields.rootDispersionMs ?? 1) / 1000) * 65_536), 8);
  if (typeof reference === 'string') head.write(reference.padEnd(4, '\0'), 12, 4, 'latin1');
  else head.writeUInt32BE(reference, 12);
  head.writeBigUInt64BE(fields.referenceTimestamp ?? BigInt.asUintN(64, sent - (60n << 32n)), 16);
  head.writeBigUInt64BE(fields.originTimestamp ?? 0n, 24);
  head.writeBigUInt64BE(received, 32);
  head.writeBigUInt64BE(sent, 40);
  return Buffer.concat([head, fields.tail ?? Buffer.alloc(0)]);
}
