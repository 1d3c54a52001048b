// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createFrameReader, type FrameReader, frameOf } from './frame-reader.ts';

const message = (length: number, byte: number) => Buffer.alloc(length, byte);
const LENGTHS = [1, 8, 16, 4096, 65_536, 3, 24];
const MESSAGES = LENGTHS.map((length, i) => message(length, i + 1));
const STREAM = Buffer.concat(MESSAGES.map(frameOf));

/** All that can be read at present. */
function* takeAll(reader: FrameReader) {
  for (let next = reader.next(); next !== null; next = reader.next()) yield Buffer.from(next);
}

describe('messages out of a stream', () => {
  it.each([1, 2, 3, 5, 7, 64, 1000, 4100, 65_536, STREAM.length])('come in pieces of %i', (size) => {
    const reader = createFrameReader();
    const found: Buffer[] = [];
    for (let i = 0; i < STREAM.length; i += size) {
      reader.push(STREAM.subarray(i, i + size));
      found.push(...takeAll(reader));
    }
    expect(found.map(({ length }) => length)).toEqual(LENGTHS);
    expect(found.every((each, i) => MESSAGES[i]?.equals(each))).toBe(true);
    expect(reader.heldBytes).toBe(0);
  });

  it('may be parted at any place', () => {
    const stream = Buffer.concat([message(3, 1), message(8, 2)].map(frameOf));
    for (let at = 0; at <= stream.length; at += 1) {
      const reader = createFrameReader();
      reader.push(stream.subarray(0, at));
      const found = [...takeAll(reader)];
      reader.push(stream.subarray(at));
      found.push(...takeAll(reader));
      expect(found).toEqual([message(3, 1), message(8, 2)]);
    }
  });

  it('are taken when the reader likes', () => {
    const reader = createFrameReader();
    reader.push(STREAM);
    reader.push(STREAM);
    expect([...takeAll(reader)]).toHaveLength(2 * LENGTHS.length);
  });

  it('stay as they were while others come', () => {
    const reader = createFrameReader();
    reader.push(Buffer.from([8, 0, 0, 0, 1]));
    reader.push(Buffer.alloc(7, 1));
    const first = reader.next();
    for (let i = 0; i < 100; i += 1) reader.push(frameOf(message(8, 2)));
    expect(first).toEqual(message(8, 1));
    expect([...takeAll(reader)]).toHaveLength(100);
  });

  it.each([0, 65_537, 0x7fffffff, 0x80000000, 0xffffffff])('never have %i bytes', (length) => {
    const header = Buffer.alloc(4);
    header.writeUInt32LE(length);
    const reader = createFrameReader();
    reader.push(header);
    expect(() => reader.next()).toThrow(`a message that claims ${length} bytes`);
    expect(() => reader.next()).toThrow(`a message that claims ${length} bytes`);
  });

  it('take no more space than came', () => {
    const reader = createFrameReader();
    reader.push(frameOf(message(65_536, 1)).subarray(0, 10));
    expect(reader.next()).toBeNull();
    expect(reader.heldBytes).toBe(10);
  });
});
