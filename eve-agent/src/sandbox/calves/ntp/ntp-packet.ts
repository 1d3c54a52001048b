// SPDX-License-Identifier: Apache-2.0
/** Packets of NTP version 4 (RFC 5905 §7.3): what a client sends, and what it reads. */

/** RFC 5905 §7.3: the header, without extension fields and without a message authentication code. */
const HEADER_BYTES = 48;
/**
 * A request without extension fields is answered by a header, with what a server adds of its own. More is nothing that
 * was asked for.
 */
const MAX_PACKET_BYTES = 512;
const WORD_BYTES = 4;
/** RFC 7822 §7.5: type and length, then a value; all of it is at least so long. */
const MIN_EXTENSION_BYTES = 16;
/** Key identifier and the longest digest in use, that of SHA-512. */
const MAX_MAC_BYTES = 68;

const VERSION = 4;
/** Servers answer in the version of the request; SNTP servers of old in theirs. */
const OLDEST_VERSION = 3;
const MODE_CLIENT = 3;
const MODE_SERVER = 4;
/** What a client tells that tells nothing: 2^32 s, as the draft on data minimization has it. */
const NO_PRECISION = 0x20;
const TRANSMIT_OFFSET = 40;

export type MalformedReason =
  | 'too-short'
  | 'too-long'
  /** The length is no multiple of four bytes. */
  | 'not-whole-words'
  /** A version that no server answers our request in. */
  | 'version'
  /** No server's answer: another client's request, a broadcast, a control message. */
  | 'mode'
  /** An extension field that says that it is shorter than the least, no whole words, or longer than the packet. */
  | 'extension';

/** What a server said, all of its header. */
export interface NtpPacket {
  /** 0 no warning, 1 and 2 a leap second at the end of the month, 3 not synchronized. */
  readonly leap: 0 | 1 | 2 | 3;
  readonly version: number;
  /** 0: a kiss of death; 16 and more: not synchronized. */
  readonly stratum: number;
  /** Seconds between polls, as a power of two. */
  readonly pollLog2: number;
  /** Of the server's clock: seconds, as a power of two. */
  readonly precisionLog2: number;
  readonly rootDelayMs: number;
  readonly rootDispersionMs: number;
  /** Four bytes: of stratum 0 and 1 ASCII, of others by which the server's own source is told. */
  readonly referenceId: number;
  readonly referenceTimestamp: bigint;
  readonly originTimestamp: bigint;
  readonly receiveTimestamp: bigint;
  readonly transmitTimestamp: bigint;
}

/** @returns null: this is no chain of extension fields with nothing or a message authentication code behind it */
function whyExtensionsMalformed(view: DataView): 'extension' | null {
  for (let offset = HEADER_BYTES; offset < view.byteLength; ) {
    const left = view.byteLength - offset;
    const length = left < MIN_EXTENSION_BYTES ? 0 : view.getUint16(offset + 2);
    const isField = length >= MIN_EXTENSION_BYTES && length % WORD_BYTES === 0 && length <= left;
    // A code has no length of its own: what is left and no field is one. It cannot be checked without a key.
    if (!isField) return left <= MAX_MAC_BYTES ? null : 'extension';
    offset += length;
  }
  return null;
}

/**
 * Reads the answer of a server. Extension fields are passed over (RFC 7822), a message authentication code is not
 * looked at: no key was agreed on, and what is not asked for proves nothing.
 *
 * @returns why it is none, for the count of what is dropped
 */
export function decodeNtpPacket(bytes: Uint8Array): NtpPacket | MalformedReason {
  if (bytes.length < HEADER_BYTES) return 'too-short';
  if (bytes.length > MAX_PACKET_BYTES) return 'too-long';
  if (bytes.length % WORD_BYTES !== 0) return 'not-whole-words';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  const version = (first >> 3) & 7;
  if (version < OLDEST_VERSION || version > VERSION) return 'version';
  if ((first & 7) !== MODE_SERVER) return 'mode';
  // 16.16 fixed point of seconds, which a double holds without loss.
  const shortMs = (offset: number) => (view.getUint32(offset) / 65_536) * 1000;
  return (
    whyExtensionsMalformed(view) ?? {
      leap: (first >> 6) as 0 | 1 | 2 | 3,
      version,
      stratum: view.getUint8(1),
      pollLog2: view.getInt8(2),
      precisionLog2: view.getInt8(3),
      rootDelayMs: shortMs(4),
      rootDispersionMs: shortMs(8),
      referenceId: view.getUint32(12),
      referenceTimestamp: view.getBigUint64(16),
      originTimestamp: view.getBigUint64(24),
      receiveTimestamp: view.getBigUint64(32),
      transmitTimestamp: view.getBigUint64(TRANSMIT_OFFSET),
    }
  );
}

/**
 * The request of a client, which tells nothing of it, not even its time (draft-ietf-ntp-data-minimization): whoever
 * cannot read the request cannot answer it either, as the answer has to repeat these 64 bits.
 *
 * @param transmitTimestamp 64 random bits, another number each time
 */
export function encodeNtpRequest(transmitTimestamp: bigint): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, (VERSION << 3) | MODE_CLIENT);
  view.setUint8(3, NO_PRECISION);
  view.setBigUint64(TRANSMIT_OFFSET, transmitTimestamp);
  return bytes;
}

/** The four characters of a kiss of death (RFC 5905 §7.4); what is no printable ASCII stands as `?`. */
export function kissCodeOf(referenceId: number): string {
  const codes = [24, 16, 8, 0].map((shift) => (referenceId >>> shift) & 0xff);
  return codes.map((code) => (code > 0x20 && code < 0x7f ? String.fromCharCode(code) : '?')).join('');
}
