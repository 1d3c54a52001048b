// SPDX-License-Identifier: Apache-2.0
/** One element of DER (ITU-T X.690 §8.1): its tag, its content, and all of it. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
}

export const DER = { integer: 0x02, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30 } as const;

/** The length of content, and where that begins; of the long form at most four bytes (§8.1.3.5). */
function readLength(bytes: Buffer): { readonly length: number; readonly from: number } {
  const first = bytes.readUInt8(1);
  if (first < 0x80) return { length: first, from: 2 };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new RangeError('a length that DER does not have');
  return { length: bytes.readUIntBE(2, count), from: 2 + count };
}

/**
 * The elements that stand one after another.
 *
 * @throws RangeError when they do not end where the bytes do
 */
export function readDer(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const { length, from } = readLength(rest);
    if (from + length > rest.length) throw new RangeError('an element is cut short');
    const whole = rest.subarray(0, from + length);
    elements.push({ tag: rest.readUInt8(0), content: whole.subarray(from), whole });
    rest = rest.subarray(from + length);
  }
  return elements;
}

/** A time as certificates have it (RFC 5280 §4.1.2.5), in milliseconds since the epoch; null: it is none. */
export function readDerTime({ tag, content }: DerElement): number | null {
  const text = content.toString('latin1');
  // Two digits of a year are of 1950 to 2049.
  const century = Number(text.slice(0, 2)) < 50 ? '20' : '19';
  const full = tag === DER.utcTime ? `${century}${text}` : text;
  const isTime = tag === DER.utcTime || tag === DER.generalizedTime;
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  if (!isTime || match === null) return null;
  const [year = 0, month = 0, ...rest] = match.slice(1).map(Number);
  const [day = 0, hour = 0, minute = 0, second = 0] = rest;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
