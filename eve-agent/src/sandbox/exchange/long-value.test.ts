// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createLongReader, MAX_LONG_BYTES, splitLong } from './long-value.ts';

const bytesOf = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
const nameOf = ({ path }: { readonly path: readonly string[] }) => path.at(-1) ?? '';

describe('a value in parts', () => {
  it.each([0, 1, 4095, 4096, 4097, 8192, 100_000, MAX_LONG_BYTES])(
    'of %i bytes comes whole, once',
    (length) => {
      const bytes = bytesOf(length);
      const reader = createLongReader();
      const whole = splitLong(['a', 'b'], bytes).flatMap(
        (part) => reader.take(nameOf(part), part.value) ?? [],
      );
      expect(whole.map((each) => each.equals(bytes))).toEqual([true]);
    },
  );

  it('comes in any order', () => {
    const bytes = bytesOf(20_000);
    const reader = createLongReader();
    const parts = [...splitLong(['a'], bytes)].reverse();
    const whole = parts.map((part) => reader.take(nameOf(part), part.value));
    expect(whole.slice(0, -1).every((each) => each === undefined)).toBe(true);
    expect(whole.at(-1)?.equals(bytes)).toBe(true);
  });

  it('is told of once, whatever comes later', () => {
    const reader = createLongReader();
    const [first, second, count] = splitLong(['a'], bytesOf(5000));
    expect(reader.take('000', first?.value ?? bytesOf(0))).toBeUndefined();
    expect(reader.take('001', second?.value ?? bytesOf(0))).toBeUndefined();
    expect(reader.take('parts', count?.value ?? bytesOf(0))).toHaveLength(5000);
    expect(reader.take('000', bytesOf(5))).toBeUndefined();
    expect(reader.take('parts', Buffer.from('1'))).toBeUndefined();
    expect(reader.take('whole', bytesOf(5))).toBeUndefined();
  });

  it.each([0, 10, 4096])('stands in one key, where it has but %i bytes', (length) => {
    const [only, ...rest] = splitLong(['a'], bytesOf(length));
    expect([only?.path, rest]).toEqual([['a', 'whole'], []]);
    const reader = createLongReader();
    // Whatever was begun before.
    reader.take('000', bytesOf(1));
    expect(reader.take('whole', only?.value ?? bytesOf(1))?.equals(bytesOf(length))).toBe(true);
    expect(reader.take('parts', Buffer.from('1'))).toBeUndefined();
    expect(reader.take('whole', bytesOf(1))).toBeUndefined();
  });

  it('has at most half a MiB', () => {
    expect(() => splitLong(['a', 'b'], bytesOf(MAX_LONG_BYTES + 1))).toThrow('/a/b would be 524289 bytes');
  });

  it.each([
    ['a count that is none', 'many'],
    ['a negative count', '-1'],
    ['a count beyond all parts', '129'],
    ['an endless count', 'Infinity'],
    ['a count of a fraction', '1.5'],
    ['a count of nothing', ''],
  ])('never comes of %s', (_, count) => {
    const reader = createLongReader();
    reader.take('000', bytesOf(4096));
    expect(reader.take('parts', Buffer.from(count))).toBeUndefined();
    expect(reader.take('001', bytesOf(4096))).toBeUndefined();
  });

  it.each(['1', '0000', '128', '999', 'x00', ''])('does not take "%s" for a part', (name) => {
    const reader = createLongReader();
    reader.take(name, bytesOf(1));
    expect(reader.take('parts', Buffer.from('1'))).toBeUndefined();
  });
});
