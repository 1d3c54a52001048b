// SPDX-License-Identifier: Apache-2.0
/** POSIX.1-2001 pax, "ustar Interchange Format", and what GNU tar and star make of it. */
export const TAR_BLOCK_BYTES = 512;
/** Of one header: writers with many attributes make some dozens. */
const MAX_PAX_RECORDS = 512;
const MAX_LENGTH_DIGITS = 8;

/** What one header says, before others that describe it are heard. */
export interface TarHeader {
  readonly name: string;
  readonly linkName: string;
  /** One character; that of a file is "0" however old the tar is. */
  readonly type: string;
  /** undefined: what stands there is no size. */
  readonly sizeBytes: number | undefined;
}

/** Text up to the first NUL. */
export const tarText = (block: Buffer, start: number, end: number): string =>
  block.toString('utf8', start, end).replace(/\0.*$/s, '');

/** Octal digits, of which none are 0 (Go, star), or of large numbers the bytes behind a first bit of 1 (base-256). */
export function parseTarNumber(field: Buffer): number | undefined {
  const first = field[0] ?? 0;
  if ((first & 0x80) !== 0) {
    // A negative number has all first bits set.
    if ((first & 0x40) !== 0) return undefined;
    const value = BigInt(`0x${field.toString('hex')}`) & ((1n << BigInt(field.length * 8 - 1)) - 1n);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
  }
  const digits = field
    .toString('latin1')
    .replace(/^[ \0]+/, '')
    .replace(/\0.*$/s, '')
    .trim();
  return /^[0-7]{0,12}$/.test(digits) ? Number.parseInt(`0${digits}`, 8) : undefined;
}

/** Whether a block is a member's header: its checksum counts its own field as spaces, by signed bytes in old tars. */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < TAR_BLOCK_BYTES || block[0] === 0) return false;
  const expected = parseTarNumber(block.subarray(148, 156));
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let i = 0; i < TAR_BLOCK_BYTES; i += 1) {
    if (i >= 148 && i < 156) continue;
    unsigned += block[i] ?? 0;
    signed += block.readInt8(i);
  }
  return expected === unsigned || expected === signed;
}

function nameIn(block: Buffer): string {
  const prefix = tarText(block, 345, 500);
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  return isUstar && prefix !== '' ? `${prefix}/${tarText(block, 0, 100)}` : tarText(block, 0, 100);
}

/** Reads a block. @returns undefined where it is no header, or a damaged one */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  if (!isTarHeader(block)) return undefined;
  const type = String.fromCharCode(block[156] ?? 0);
  return {
    name: nameIn(block),
    linkName: tarText(block, 157, 257),
    type: type === '\0' ? '0' : type,
    sizeBytes: parseTarNumber(block.subarray(124, 136)),
  };
}

/** The records of a pax header, as far as they can be read. */
export interface PaxRecords {
  readonly records: ReadonlyMap<string, string>;
  /** Whether all of it could be. */
  readonly isSound: boolean;
}

/** `25 path=a/b\n`: the length counts its own digits, and a value may hold line breaks. */
export function parsePaxRecords(content: Buffer): PaxRecords {
  const records = new Map<string, string>();
  let offset = 0;
  while (offset < content.length && records.size < MAX_PAX_RECORDS) {
    const space = content.indexOf(0x20, offset);
    if (space < 0 || space - offset > MAX_LENGTH_DIGITS) break;
    const digits = content.toString('latin1', offset, space);
    const end = offset + Number(digits);
    const equals = content.indexOf(0x3d, space);
    const isRecord =
      /^\d+$/.test(digits) &&
      end <= content.length &&
      content[end - 1] === 0x0a &&
      equals > space &&
      equals < end;
    if (!isRecord) break;
    records.set(content.toString('utf8', space + 1, equals), content.toString('utf8', equals + 1, end - 1));
    offset = end;
  }
  return { records, isSound: offset === content.length };
}
