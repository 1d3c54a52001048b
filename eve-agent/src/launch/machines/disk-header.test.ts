// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { HEADER_BYTES, readDiskSize } from './disk-header.ts';

const MIB = 1024 * 1024;

/** A header as `qemu-img create -f qcow2` writes it. */
function qcow2(change: (header: Buffer) => void = () => {}, version = 3): Buffer {
  const header = Buffer.alloc(512);
  header.write('QFI\u00fb', 0, 'latin1');
  header.writeUInt32BE(version, 4);
  header.writeUInt32BE(16, 20);
  header.writeBigUInt64BE(BigInt(64 * MIB), 24);
  header.writeUInt32BE(104, 100);
  change(header);
  return header;
}

describe('the size of a disk', () => {
  it('is that of a RAW file, whatever it begins with, and the one that QCOW2 says', () => {
    expect(
      readDiskSize(
        'raw',
        qcow2((header) => header.writeUInt32BE(9, 16)),
        5 * MIB,
      ),
    ).toBe(5 * MIB);
    expect(readDiskSize('qcow2', qcow2(), 200_000)).toBe(64 * MIB);
    expect(
      readDiskSize(
        'qcow2',
        qcow2(() => {}, 2),
        200_000,
      ),
    ).toBe(64 * MIB);
    const disc = Buffer.alloc(HEADER_BYTES);
    disc.write('CD001', 0x8001);
    expect(readDiskSize('iso', disc, 9 * MIB)).toBe(9 * MIB);
  });

  it.each([
    ['a backing file', qcow2((header) => header.writeBigUInt64BE(0x200n, 8)), /backing file/],
    ['a length of its name alone', qcow2((header) => header.writeUInt32BE(11, 16)), /backing file/],
    ['a data file of its own', qcow2((header) => header.writeBigUInt64BE(4n, 72)), /data in another file/],
    ['a mark that it is corrupt', qcow2((header) => header.writeBigUInt64BE(2n, 72)), /corrupt/],
    ['encryption', qcow2((header) => header.writeUInt32BE(1, 32)), /encrypted/],
    ['a version from elsewhere', qcow2(() => {}, 1), /version 2 or 3/],
    ['a size beyond all', qcow2((header) => header.writeBigUInt64BE(2n ** 63n, 24)), /claims a disk/],
    ['a header that is cut off', qcow2().subarray(0, 80), /cut off/],
    ['its magic alone', qcow2().subarray(0, 4), /version 2 or 3/],
    ['three bytes', Buffer.from('QFI'), /no QCOW2/],
    ['other bytes', Buffer.alloc(512), /no QCOW2/],
  ])('QCOW2 with %s is refused', (_what, header, why) => {
    expect(() => readDiskSize('qcow2', header, 200_000)).toThrow(why);
  });

  it('an empty file is none, and what is no disc is none', () => {
    expect(() => readDiskSize('raw', Buffer.alloc(0), 0)).toThrow('empty');
    expect(() => readDiskSize('iso', Buffer.alloc(HEADER_BYTES), MIB)).toThrow('no ISO 9660');
    expect(() => readDiskSize('iso', Buffer.alloc(10), 10)).toThrow('no ISO 9660');
  });
});
