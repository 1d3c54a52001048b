// SPDX-License-Identifier: Apache-2.0
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { describeImage } from './describe-image.ts';
import type { FormatProblemCode, ImageFormat } from './image-description.ts';
import {
  build,
  dynamicVhd,
  GIB,
  iso,
  number,
  qcow1,
  qcow2,
  sparseVmdk,
  vhdFooter,
  vhdx,
} from './testing/headers.ts';

const describeBytes = (content: Buffer) =>
  describeImage(async (offset, length) => content.subarray(offset, offset + length), content.length);

async function summaryOf(content: Buffer) {
  const { format, content: what, virtualSizeBytes, problems } = await describeBytes(content);
  return [format, what, virtualSizeBytes, ...problems.map(({ code }) => code)];
}

/** Of each: format, content, virtual size, and the codes of what is wrong. */
type Expected = readonly [ImageFormat, string, number | null, ...FormatProblemCode[]];
type Case = readonly [title: string, content: Buffer, expected: Expected];

const HEX = 'ab'.repeat(32);
const MIB = 1024 * 1024;
const vmdkText = (extra = '', parent = 'ffffffff') =>
  `# Disk DescriptorFile\nversion=1\nparentCID=${parent}\n${extra}`;
const SPLIT = vmdkText(
  'createType="twoGbMaxExtentSparse"\nRW 4192256 SPARSE "disk-s001.vmdk"\nRW 2048 SPARSE "disk-s002.vmdk"\n',
);
const streamOptimized = (hasFooter: boolean) =>
  Buffer.concat([
    sparseVmdk(4096, vmdkText('createType="streamOptimized"\n'), 2n ** 64n - 1n),
    hasFooter ? sparseVmdk(4096).subarray(0, 512) : Buffer.alloc(512),
    Buffer.alloc(512),
  ]);
const udf = (nsr: string) =>
  build(0x10000, { 32768: '\0BEA01\u0001', 34816: `\0${nsr}\u0001`, 36864: '\0TEA01\u0001' });

describe('a disk', () => {
  it.each<Case>([
    ['zeros', Buffer.alloc(512 * 200), ['raw', 'raw', 512 * 200]],
    ['a disk with a boot sector', build(4096, { 510: '\u0055\u00aa' }), ['raw', 'raw', 4096]],
    ['no whole number of sectors', Buffer.alloc(100_001), ['raw', 'raw', 100_001, 'ODD_SIZE']],
    ['one byte of no text', Buffer.from([0]), ['raw', 'raw', 1, 'ODD_SIZE']],
    ['nothing', Buffer.alloc(0), ['raw', 'empty', 0, 'NOT_AN_IMAGE']],
    ['qcow2', qcow2(8 * GIB), ['qcow2', 'qcow2', 8 * GIB]],
    ['qcow2 of version 2', qcow2(8 * GIB, {}, 2), ['qcow2', 'qcow2', 8 * GIB]],
    ['qcow2 of an absurd size', qcow2(2n ** 63n), ['qcow2', 'qcow2', null]],
    [
      'qcow2 with compressed clusters by zstd',
      qcow2(GIB, { 72: number(8, 8, 'BE') }),
      ['qcow2', 'qcow2', GIB],
    ],
    ['qcow', qcow1(GIB), ['qcow', 'qcow', GIB]],
    ['a sparse vmdk', sparseVmdk(4096, vmdkText()), ['vmdk', 'vmdk', 4096 * 512]],
    ['a vmdk for streams', streamOptimized(true), ['vmdk', 'vmdk', 4096 * 512]],
    ['vhdx', vhdx(127 * GIB), ['vhdx', 'vhdx', 127 * GIB]],
    ['a fixed vhd', Buffer.concat([Buffer.alloc(10_240), vhdFooter(10_240)]), ['vhd', 'vhd', 10_240]],
    [
      'an old vhd',
      Buffer.concat([Buffer.alloc(10_240), vhdFooter(10_240, 'fixed', 511)]),
      ['vhd', 'vhd', 10_240],
    ],
    ['a dynamic vhd', dynamicVhd(2 * GIB), ['vhd', 'vhd', 2 * GIB]],
    ['an iso', iso(40), ['iso', 'iso', 40 * 2048]],
    [
      'an iso with El Torito',
      iso(40, { 34816: '\0CD001\u0001EL TORITO SPECIFICATION' }),
      ['iso', 'iso', 81_920],
    ],
    ['a hybrid', iso(40, { 510: '\u0055\u00aa' }), ['iso', 'hybrid-iso', 40 * 2048]],
    ['an iso that lacks its padding', iso(300, { 32848: number(4, 450, 'LE') }), ['iso', 'iso', 300 * 2048]],
    ['udf', udf('NSR02'), ['iso', 'udf', 0x10000]],
    ['udf of a later version', udf('NSR03'), ['iso', 'udf', 0x10000]],
    ['the beginning of udf alone', udf('OTHER'), ['raw', 'raw', 0x10000]],
  ])('%s', async (_title, content, expected) => {
    expect(await summaryOf(content)).toEqual(expected);
  });
});

describe('a disk that is not whole in itself', () => {
  it.each<Case>([
    [
      'qcow2 with a backing file',
      qcow2(GIB, { 8: number(8, 200, 'BE'), 16: number(4, 8, 'BE'), 200: 'base.img' }),
      ['qcow2', 'qcow2', GIB, 'NEEDS_OTHER_FILE'],
    ],
    [
      'qcow2 with external data',
      qcow2(GIB, { 72: number(8, 4, 'BE') }),
      ['qcow2', 'qcow2', GIB, 'NEEDS_OTHER_FILE'],
    ],
    ['qcow2 with AES', qcow2(GIB, { 32: number(4, 1, 'BE') }), ['qcow2', 'qcow2', GIB, 'ENCRYPTED']],
    ['qcow2 with LUKS', qcow2(GIB, { 32: number(4, 2, 'BE') }), ['qcow2', 'qcow2', GIB, 'ENCRYPTED']],
    ['qcow2 marked corrupt', qcow2(GIB, { 72: number(8, 2, 'BE') }), ['qcow2', 'qcow2', GIB, 'INCOMPLETE']],
    [
      'qcow2 with features to come',
      qcow2(GIB, { 72: number(8, 1n << 40n, 'BE') }),
      ['qcow2', 'qcow2', GIB, 'UNKNOWN_VARIANT'],
    ],
    ['qcow2 to come', qcow2(GIB, {}, 4), ['qcow2', 'qcow2', null, 'UNKNOWN_VARIANT']],
    ['qcow2, cut in its header', qcow2(GIB).subarray(0, 20), ['qcow2', 'qcow2', null, 'INCOMPLETE']],
    ['qcow2, cut before its table', qcow2(GIB).subarray(0, 0x20000), ['qcow2', 'qcow2', GIB, 'INCOMPLETE']],
    [
      'qcow2, cut before a second-level table',
      qcow2(GIB, { 196616: number(8, (1n << 63n) | 0x100000n, 'BE') }),
      ['qcow2', 'qcow2', GIB, 'INCOMPLETE'],
    ],
    [
      'qcow2 with clusters of no size',
      qcow2(GIB, { 20: number(4, 99, 'BE') }),
      ['qcow2', 'qcow2', GIB, 'UNKNOWN_VARIANT'],
    ],
    ['qcow, cut', qcow1(GIB).subarray(0, 1024), ['qcow', 'qcow', GIB, 'INCOMPLETE']],
    ["a vmdk's descriptor", Buffer.from(SPLIT), ['vmdk', 'vmdk', (4192256 + 2048) * 512, 'NEEDS_OTHER_FILE']],
    ['an extent of a split vmdk', sparseVmdk(4096), ['vmdk', 'vmdk', 4096 * 512, 'NEEDS_OTHER_FILE']],
    [
      'a vmdk after a snapshot',
      sparseVmdk(4096, vmdkText('parentFileNameHint="base.vmdk"\n', 'deadbeef')),
      ['vmdk', 'vmdk', 4096 * 512, 'NEEDS_OTHER_FILE'],
    ],
    ['a vmdk for streams, cut', streamOptimized(false), ['vmdk', 'vmdk', 4096 * 512, 'INCOMPLETE']],
    [
      'a vmdk, cut',
      sparseVmdk(4096, vmdkText()).subarray(0, 12_000),
      ['vmdk', 'vmdk', 2097152, 'INCOMPLETE'],
    ],
    [
      "ESX's extent",
      build(2048, { 0: 'COWD', 12: number(4, 8, 'LE') }),
      ['vmdk', 'vmdk', 4096, 'NEEDS_OTHER_FILE'],
    ],
    [
      "ESX's later extent",
      build(2048, { 0: Buffer.from('bebafeca00000000', 'hex') }),
      ['vmdk', 'vmdk', null, 'NEEDS_OTHER_FILE'],
    ],
    ['a vhd with a parent', dynamicVhd(GIB, 'C:\\base.vhd'), ['vhd', 'vhd', GIB, 'NEEDS_OTHER_FILE']],
    ['a dynamic vhd, cut', dynamicVhd(GIB).subarray(0, 1600), ['vhd', 'vhd', GIB, 'INCOMPLETE']],
    ['a dynamic vhd, cut early', dynamicVhd(GIB).subarray(0, 900), ['vhd', 'vhd', GIB, 'INCOMPLETE']],
    ['a vhd with a long table', dynamicVhd(GIB, undefined, 1e6), ['vhd', 'vhd', GIB, 'INCOMPLETE']],
    ['a vhdx with a parent', vhdx(GIB, { flags: 2 }), ['vhdx', 'vhdx', GIB, 'NEEDS_OTHER_FILE']],
    ['a vhdx without tables', build(4096, { 0: 'vhdxfile' }), ['vhdx', 'vhdx', null, 'INCOMPLETE']],
    ['a vhdx, cut', vhdx(GIB, { blocksOffset: 0x300000 }), ['vhdx', 'vhdx', GIB, 'INCOMPLETE']],
    ['an iso, cut', iso(40, { 32848: number(4, 4000, 'LE') }), ['iso', 'iso', 40 * 2048, 'INCOMPLETE']],
    ['luks1', build(4096, { 0: 'LUKS\u00ba\u00be\0\u0001' }), ['raw', 'luks1', null, 'ENCRYPTED']],
    ['luks2', build(4096, { 0: 'LUKS\u00ba\u00be\0\u0002' }), ['raw', 'luks2', null, 'ENCRYPTED']],
  ])('%s', async (_title, content, expected) => {
    expect(await summaryOf(content)).toEqual(expected);
  });
});

const foreign = (magic: string, offset = 0) => build(8192, { [offset]: magic });

describe('content that is no image', () => {
  it.each<Case>([
    [
      'vdi',
      build(4096, { 64: '\u007f\u0010\u00da\u00be', 368: number(8, GIB, 'LE') }),
      ['raw', 'vdi', GIB, 'NOT_AN_IMAGE'],
    ],
    ['qed', build(4096, { 0: 'QED', 48: number(8, GIB, 'LE') }), ['raw', 'qed', GIB, 'NOT_AN_IMAGE']],
    ['parallels', foreign('WithoutFreeSpace'), ['raw', 'parallels', null, 'NOT_AN_IMAGE']],
    ['parallels, extended', foreign('WithouFreSpacExt'), ['raw', 'parallels', null, 'NOT_AN_IMAGE']],
    ['dmg', foreign('koly', 8192 - 512), ['raw', 'dmg', null, 'NOT_AN_IMAGE']],
    ['bochs', foreign('Bochs Virtual HD Image'), ['raw', 'bochs', null, 'NOT_AN_IMAGE']],
    ['android', foreign('\u003a\u00ff\u0026\u00ed'), ['raw', 'android-sparse', null, 'NOT_AN_IMAGE']],
    ['wim', foreign('MSWIM'), ['raw', 'wim', null, 'NOT_AN_IMAGE']],
    ['e01', foreign('EVF\t\r\n\u00ff'), ['raw', 'e01', null, 'NOT_AN_IMAGE']],
    ['a dump of a CD', foreign(`\0${'\u00ff'.repeat(10)}\0`), ['raw', 'cd-dump', null, 'NOT_AN_IMAGE']],
    ['gzip', gzipSync(Buffer.alloc(4096)), ['raw', 'gzip', null, 'COMPRESSED']],
    ['gzip that is not sound', foreign('\u001f\u008b\u0008\u00ff'), ['raw', 'gzip', null, 'COMPRESSED']],
    ['xz', foreign('\u00fd7zXZ'), ['raw', 'xz', null, 'COMPRESSED']],
    ['lzma', foreign('\u005d\0\0\u0080'), ['raw', 'lzma', null, 'COMPRESSED']],
    ['zstd', foreign('\u0028\u00b5\u002f\u00fd'), ['raw', 'zstd', null, 'COMPRESSED']],
    ['bzip2', foreign('BZh91AY&SY'), ['raw', 'bzip2', null, 'COMPRESSED']],
    ['lz4', foreign('\u0004\u0022\u004d\u0018'), ['raw', 'lz4', null, 'COMPRESSED']],
    ['lzip', foreign('LZIP\u0001'), ['raw', 'lzip', null, 'COMPRESSED']],
    ['zip', foreign('PK\u0003\u0004'), ['raw', 'zip', null, 'COMPRESSED']],
    ['7z', foreign('7z\u00bc\u00af\u0027\u001c'), ['raw', '7z', null, 'COMPRESSED']],
    ['rar', foreign('Rar!\u001a\u0007'), ['raw', 'rar', null, 'COMPRESSED']],
    ['html', Buffer.from('\n<!DOCTYPE html><title>404'), ['raw', 'html', null, 'NOT_AN_IMAGE']],
    ['html with a BOM', Buffer.from('\ufeff<HTML>'), ['raw', 'html', null, 'NOT_AN_IMAGE']],
    [
      'html after a comment',
      Buffer.from('<!-- a --> <html lang="en">'),
      ['raw', 'html', null, 'NOT_AN_IMAGE'],
    ],
    ['long html', Buffer.from(`<html>${'ä'.repeat(9000)}`), ['raw', 'html', null, 'NOT_AN_IMAGE']],
    [
      "an object store's error",
      Buffer.from('<?xml version="1.0"?><Error/>'),
      ['raw', 'xml', null, 'NOT_AN_IMAGE'],
    ],
    ["an API's error", Buffer.from('{"message": "Not found"}'), ['raw', 'json', null, 'NOT_AN_IMAGE']],
    [
      'a pointer of Git LFS',
      Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${HEX}\nsize 12345\n`),
      ['raw', 'git-lfs-pointer', null, 'NOT_AN_IMAGE'],
    ],
    ['text', Buffer.from('404: Not Found'), ['raw', 'text', null, 'NOT_AN_IMAGE']],
    ['text in UTF-16', Buffer.from('\ufeffNot found', 'utf16le'), ['raw', 'text', null, 'NOT_AN_IMAGE']],
  ])('%s', async (_title, content, expected) => {
    expect(await summaryOf(content)).toEqual(expected);
  });
});

it('names what is missing, and what to do', async () => {
  const backing = qcow2(GIB, { 8: number(8, 200, 'BE'), 16: number(4, 12, 'BE'), 200: 'b\u001b[31m.qcow2' });
  const [first] = (await describeBytes(backing)).problems;
  expect(first?.message).toContain('"b?[31m.qcow2"');
  expect(first?.message).toContain('qemu-img convert -O qcow2');
  const [split] = (await describeBytes(Buffer.from(SPLIT))).problems;
  expect(split?.message).toContain('("disk-s001.vmdk", "disk-s002.vmdk")');
  const [child] = (await describeBytes(dynamicVhd(GIB, 'C:\\base.vhd'))).problems;
  expect(child?.message).toContain('"C:\\base.vhd"');
});

it('does not follow a vhdx whose tables lead nowhere', async () => {
  const content = vhdx(GIB);
  content.writeBigUInt64LE(2n ** 63n, 0x30020);
  expect(await summaryOf(content)).toEqual(['vhdx', 'vhdx', null, 'INCOMPLETE']);
});

it.each([
  ['zeros', () => Buffer.alloc(0)],
  ['a qcow2 with a table of 32 GiB', () => qcow2(GIB, { 36: number(4, 2 ** 32 - 1, 'BE') })],
  ['a vmdk with a long descriptor', () => sparseVmdk(1, vmdkText()).fill(0xff, 36, 40)],
])('reads little of a large file: %s', async (_title, make) => {
  const beginning = make();
  let readBytes = 0;
  await describeImage(async (offset, length) => {
    readBytes += length;
    const read = Buffer.alloc(length);
    beginning.subarray(offset, offset + length).copy(read);
    return read;
  }, 1024 * GIB);
  expect(readBytes).toBeLessThan(MIB / 8);
});
