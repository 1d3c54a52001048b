// SPDX-License-Identifier: Apache-2.0
/** The `struct timex` of adjtimex(2), as Linux has it on 64-bit processors of little-endian order: x64 and arm64. */

export const TIMEX_BYTES = 208;

/** Which fields a call changes. */
export const ADJ = {
  frequency: 0x0002,
  maxError: 0x0004,
  estimatedError: 0x0008,
  status: 0x0010,
  setOffset: 0x0100,
  tick: 0x4000,
  /** adjtime(3): the offset is slewed at 500 parts of a million, in place of what was being slewed. */
  offsetSingleShot: 0x8001,
} as const;

/** Bits of the status. */
export const STA = {
  unsynchronized: 0x0040,
  /** Only the kernel sets them. */
  readOnly: 0xff00,
  /** One of those: times are told in nanoseconds, since some program asked for that. */
  nanoseconds: 0x2000,
} as const;

/** A part of a million as frequencies have it. */
export const FREQUENCY_PER_PPM = 65_536;

/** The fields that are of use, in the kernel's units. */
export interface Timex {
  readonly modes: number;
  /** Microseconds for a slew. */
  readonly offset: number;
  /** Parts of a million, times 65,536. */
  readonly frequency: number;
  readonly maxErrorUs: number;
  readonly estimatedErrorUs: number;
  readonly status: number;
  /** The greatest frequency: 500 parts of a million. */
  readonly tolerance: number;
  readonly seconds: number;
  /** Of the second. Microseconds, 0 to 999,999, where it is written; read, nanoseconds where the status says so. */
  readonly fraction: number;
  /** Of a tick of the kernel's, of which there are 100 in a second. */
  readonly tickUs: number;
}

const OFFSETS = {
  offset: 8,
  frequency: 16,
  maxErrorUs: 24,
  estimatedErrorUs: 32,
  tolerance: 64,
  seconds: 72,
  fraction: 80,
  tickUs: 88,
} as const;
const MODES_OFFSET = 0;
const STATUS_OFFSET = 40;

/** All fields zero but for those that are given. */
export function encodeTimex(fields: Partial<Timex>): Uint8Array {
  const bytes = new Uint8Array(TIMEX_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(MODES_OFFSET, fields.modes ?? 0, true);
  view.setInt32(STATUS_OFFSET, fields.status ?? 0, true);
  for (const [name, offset] of Object.entries(OFFSETS)) {
    view.setBigInt64(offset, BigInt(fields[name as keyof typeof OFFSETS] ?? 0), true);
  }
  return bytes;
}

export function decodeTimex(bytes: Uint8Array): Timex {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = (name: keyof typeof OFFSETS) => Number(view.getBigInt64(OFFSETS[name], true));
  return {
    modes: view.getUint32(MODES_OFFSET, true),
    offset: long('offset'),
    frequency: long('frequency'),
    maxErrorUs: long('maxErrorUs'),
    estimatedErrorUs: long('estimatedErrorUs'),
    status: view.getInt32(STATUS_OFFSET, true),
    tolerance: long('tolerance'),
    seconds: long('seconds'),
    fraction: long('fraction'),
    tickUs: long('tickUs'),
  };
}
