// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { json, text, type ValueCodec, wholeNumber } from './values.ts';

const word = text({ pattern: /^[a-z]+$/, maxBytes: 5 });
const line = text({ maxBytes: 5 });
const digit = wholeNumber({ min: -3, max: 12 });
const pair = json(
  (value) =>
    Array.isArray(value) && value.every((each) => typeof each === 'number') ? (value as number[]) : null,
  { maxBytes: 8 },
);

it.each<[string, ValueCodec<unknown>, unknown, string]>([
  ['a word', word, 'abcde', 'abcde'],
  ['a line', line, 'a <b>', 'a <b>'],
  ['an empty line', line, '', ''],
  ['the least', digit, -3, '-3'],
  ['nought', digit, 0, '0'],
  ['the most', digit, 12, '12'],
  ['JSON', pair, [1, 2.5], '[1,2.5]'],
])('%s is read as it was written', (_, codec, value, written) => {
  const bytes = codec.encode(value);
  expect(Buffer.from(bytes).toString()).toBe(written);
  expect(codec.decode(bytes)).toEqual(value);
});

describe('neither read nor written is', () => {
  it.each<[string, ValueCodec<unknown>, string]>([
    ['another word', word, 'ABC'],
    ['a word that is too long', word, 'abcdef'],
    ['what acts on a terminal', line, '\x1b[2J'],
    ['a second line', line, 'a\nb'],
  ])('%s', (_, codec, value) => {
    expect(codec.decode(Buffer.from(value))).toBeNull();
    expect(() => codec.encode(value)).toThrow(RangeError);
  });
  it.each([-4, 13, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('%d', (value) => {
    expect(digit.decode(Buffer.from(String(value)))).toBeNull();
    expect(() => digit.encode(value)).toThrow(RangeError);
  });
  it.each([[[100, 1000]], ['text'], [null]])('%j', (value) => {
    expect(pair.decode(Buffer.from(JSON.stringify(value)))).toBeNull();
    expect(() => pair.encode(value as number[])).toThrow(RangeError);
  });
});

it.each<[string, ValueCodec<unknown>, Uint8Array]>([
  ['a number with a space', digit, Buffer.from(' 1')],
  ['a number with zeros before it', digit, Buffer.from('007')],
  ['a negative nought', digit, Buffer.from('-0')],
  ['another base', digit, Buffer.from('0xa')],
  ['an exponent', digit, Buffer.from('1e1')],
  ['nothing for a number', digit, Buffer.alloc(0)],
  ['no JSON', pair, Buffer.from('[1')],
  ['no UTF-8', text({ pattern: /./, maxBytes: 9 }), Buffer.from([0xff, 0xfe])],
  ['a mark of the order of bytes', line, Buffer.from('\ufeffa')],
])('%s is not read', (_, codec, bytes) => {
  expect(codec.decode(bytes)).toBeNull();
});
