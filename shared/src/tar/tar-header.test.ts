// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { isTarHeader, parsePaxRecords, parseTarHeader, parseTarNumber } from './tar-header.ts';
import { octal, paxMember, tarHeader } from './testing/tar.ts';

const base256 = (value: bigint) => {
  const field = Buffer.alloc(12);
  field.writeUInt8(0x80, 0);
  field.writeBigUInt64BE(value, 4);
  return field;
};

describe('parseTarNumber', () => {
  it.each<[Buffer | string, number | undefined]>([
    ['0000644\0', 420],
    [' 644 \0', 420],
    ['77777777777\0', 8 ** 11 - 1],
    [base256(9n * 2n ** 30n), 9 * 2 ** 30],
    [base256(2n ** 60n), undefined],
    [Buffer.alloc(12, 0xff), undefined],
    ['\0\0\0', 0],
    ['   \0', 0],
    ['', 0],
    ['\0 644\0', 420],
    ['12\0 9', 10],
    ['12 34', undefined],
    ['9', undefined],
    ['-1', undefined],
  ])('%j is %j', (field, expected) => {
    expect(parseTarNumber(Buffer.from(field as string, 'latin1'))).toBe(expected);
  });
});

describe('parseTarHeader', () => {
  it('reads what one header says', () => {
    const block = tarHeader({ name: 'a/b', type: '2', linkName: '../c', sizeField: octal(5) });
    expect(parseTarHeader(block)).toEqual({ name: 'a/b', linkName: '../c', type: '2', sizeBytes: 5 });
  });

  it('a file of an old tar is a file', () => {
    expect(parseTarHeader(tarHeader({ name: 'a', type: '\0' }))?.type).toBe('0');
  });

  it('a header with a bit flipped is none', () => {
    const block = tarHeader({ name: 'a' });
    for (let at = 0; at < block.length; at += 1) {
      const flipped = Buffer.from(block);
      flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
      // But where the checksum itself is written otherwise and means the same.
      if (at < 148 || at >= 156) expect(isTarHeader(flipped), `at ${at}`).toBe(false);
    }
    expect(isTarHeader(block.subarray(1))).toBe(false);
    expect(parseTarHeader(Buffer.alloc(512))).toBeUndefined();
  });
});

describe('parsePaxRecords', () => {
  const contentOf = (records: Readonly<Record<string, string>>) =>
    Buffer.from(paxMember(records).content ?? '');
  it('reads values that hold anything', () => {
    const records = { path: 'a=b\nc', comment: 'é', size: '12' };
    expect(parsePaxRecords(contentOf(records))).toEqual({
      records: new Map(Object.entries(records)),
      isSound: true,
    });
  });

  it.each(['5 a=b', '99 a=b\n', 'x a=b\n', '6 aab\n', '0 a=b\n', ' a=b\n', '6 a=bc'])(
    '%j cannot be read',
    (text) => {
      expect(parsePaxRecords(Buffer.from(text))).toEqual({ records: new Map(), isSound: false });
    },
  );

  it('what comes before what cannot be read is told', () => {
    const content = Buffer.concat([contentOf({ path: 'a' }), Buffer.from('junk')]);
    expect(parsePaxRecords(content)).toEqual({ records: new Map([['path', 'a']]), isSound: false });
  });

  it('so many are read and no more', () => {
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, 'v']));
    const { records, isSound } = parsePaxRecords(contentOf(many));
    expect([records.size, isSound]).toEqual([512, false]);
  });
});
