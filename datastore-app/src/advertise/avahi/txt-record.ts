// SPDX-License-Identifier: Apache-2.0
/** How a `<txt-record>` is written: as it is, or with the value in hexadecimal digits or base64. */
export type TxtValueFormat = 'text' | 'binary-hex' | 'binary-base64';

/** RFC 6763 §6.1: a length octet stands before each string. */
const MAX_STRING_BYTES = 255;

const BINARY = {
  'binary-hex': { pattern: /^(?:[0-9a-f]{2})*$/i, encoding: 'hex', name: 'pairs of hexadecimal digits' },
  'binary-base64': {
    pattern: /^(?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?$/i,
    encoding: 'base64',
    name: 'base64',
  },
} as const;

/**
 * One string of a TXT record. With a binary format, what stands after the first `=` is decoded.
 *
 * @returns the bytes, or why they cannot be had, as the end of a sentence
 */
export function parseTxtRecord(text: string, format: TxtValueFormat): Buffer | string {
  const bytes = decode(text, format);
  if (typeof bytes === 'string') return bytes;
  if (bytes.length === 0) return 'is empty';
  if (bytes[0] === '='.charCodeAt(0)) return 'has no key in front of the "="';
  if (bytes.length > MAX_STRING_BYTES) {
    return `has ${bytes.length} bytes; at most ${MAX_STRING_BYTES} are possible`;
  }
  return bytes;
}

function decode(text: string, format: TxtValueFormat): Buffer | string {
  if (format === 'text') return Buffer.from(text);
  const equals = text.indexOf('=');
  if (equals === -1) return Buffer.from(text);
  const { pattern, encoding, name } = BINARY[format];
  const value = text.slice(equals + 1);
  if (!pattern.test(value)) return `does not hold ${name} after the "="`;
  return Buffer.concat([Buffer.from(text.slice(0, equals + 1)), Buffer.from(value, encoding)]);
}
