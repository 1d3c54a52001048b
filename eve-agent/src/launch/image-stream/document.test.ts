// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { isAmbiguous, MAX_DOCUMENT_BYTES, outlineOf, parseDocument } from './document.ts';

describe('outlineOf', () => {
  it.each([
    ['{"a":1,"b":{"c":[2,3]},"d\\"e":"f"}', ['a', 'b', 'd\\"e']],
    ['[{"a":1}]', []],
    [' {\n"a" : "x\\\\" , "b":"\\"c\\":1" }', ['a', 'b']],
    ['"a":1', []],
    ['{"a', []],
    ['', []],
  ])('%j has the members %j', (text, keys) => {
    expect([...outlineOf(Buffer.from(text)).keys]).toEqual(keys);
  });
});

describe('parseDocument', () => {
  it.each(['{"a":[1,null]}', '[]', ' {} ', '"é"'])('%j is one', (text) => {
    expect(parseDocument(Buffer.from(text))).toEqual(JSON.parse(text));
  });
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half of one', Buffer.from('{"a":')],
    ['no UTF-8', Buffer.from('{"a":"\xff"}', 'latin1')],
    ['one that is too large', Buffer.from(JSON.stringify('a'.repeat(MAX_DOCUMENT_BYTES)))],
    ['one of too many values', Buffer.from(`[${'0,'.repeat(30_000)}0]`)],
    ['one that is too deep', Buffer.from('['.repeat(100_000))],
  ])('%s is none', (_title, bytes) => {
    expect(parseDocument(bytes)).toBeUndefined();
  });
});

it.each([
  [{ layers: 1 }, false],
  [{ Layers: 1 }, true],
  [{ layers: 1, LAYERS: 2 }, true],
  [{ other: 1, Other: 2 }, false],
])('%j is ambiguous: %s', (document, expected) => {
  expect(isAmbiguous(document, ['layers', 'config'])).toBe(expected);
});
