// SPDX-License-Identifier: Apache-2.0
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { DefectCode } from './file-format.ts';
import { LAYERS } from './testing/container-archives.ts';
import { number, qcow1 } from './testing/headers.ts';
import {
  compressedOciArchive,
  gptDisk,
  ISO_ROOT_AT,
  mbr,
  OVA_DISK,
  QCOW2_COUNTS_AT,
  QCOW2_SECOND_AT,
  SOUND_IMAGES,
  STREAMED_GRAIN_AT,
  soundDockerArchive,
  soundDynamicVhd,
  soundFixedVhd,
  soundIso,
  soundOciArchive,
  soundOva,
  soundQcow2,
  soundVhdx,
  soundVmdk,
  streamedVmdk,
  VHD_TABLE_AT,
  VMDK_TABLE_AT,
} from './testing/sound-images.ts';
import { validateBytes } from './testing/validate-bytes.ts';

const inTwoFrames = (layer: Buffer) =>
  Buffer.concat([zstdCompressSync(layer.subarray(0, 700)), zstdCompressSync(layer.subarray(700))]);
/** A frame of one raw block that wants 128 MiB (RFC 8878 §3.1.1.1.2). */
const ofLargeWindow = (layer: Buffer) => {
  const blockHeader = Buffer.alloc(3);
  blockHeader.writeUIntLE((layer.length << 3) | 1, 0, 3);
  return Buffer.concat([Buffer.from('28b52ffd0088', 'hex'), blockHeader, layer]);
};

/** The content with other bytes at a place. */
function at(content: Buffer, offset: number, bytes: Buffer | string): Buffer {
  const copy = Buffer.from(content);
  copy.set(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, offset);
  return copy;
}
const flipped = (content: Buffer, offset: number) =>
  at(content, offset, Buffer.from([(content[offset] ?? 0) ^ 1]));
const be = (value: number | bigint) => number(8, value, 'BE');
const disk = (sector: Buffer, sectors = 64) => Buffer.concat([sector, Buffer.alloc((sectors - 1) * 512)]);

describe('a sound image', () => {
  it.each([
    ...Object.entries(SOUND_IMAGES),
    ['qcow', () => qcow1(1024 ** 2)],
    ['vmdk', streamedVmdk],
    ['vhd', soundFixedVhd],
    ['ova', () => soundOva('sha1')],
    ['oci-archive', () => compressedOciArchive()],
    ['oci-archive', () => compressedOciArchive(LAYERS[1], inTwoFrames)],
    ['raw', () => disk(mbr([0x83, 1, 20], [0x83, 21, 43]))],
    ['raw', () => Buffer.alloc(4096)],
    // The first sector of a file system has the signature, and no table.
    ['raw', () => disk(at(mbr(), 446, 'NTLDR is missing'))],
  ] as const)('of %s has no defect', async (format, make) => {
    expect(await validateBytes(make())).toEqual({ format, defects: [] });
  });
});

type Case = readonly [format: string, title: string, content: Buffer, codes: readonly DefectCode[]];

it.each<Case>([
  ['raw', 'a partition beyond the end', disk(mbr([0x83, 1, 64])), ['INCOMPLETE']],
  ['raw', 'logical partitions beyond the end', disk(mbr([0x05, 10, 20]), 8), ['INCOMPLETE']],
  ['raw', 'logical partitions that are none', disk(mbr([0x05, 10, 20])), ['DAMAGED']],
  ['raw', 'a bit of the first GPT', flipped(gptDisk(), 512 + 40), ['DAMAGED']],
  ['raw', 'a bit of the partitions', flipped(gptDisk(), 1024 + 33), ['DAMAGED']],
  ['raw', 'a bit of the second GPT', flipped(gptDisk(), 127 * 512 + 40), ['DAMAGED']],
  ['raw', 'a GPT without an end', gptDisk().subarray(0, 100 * 512), ['DAMAGED']],
  ['raw', 'a GPT that is missing', disk(mbr([0xee, 1, 63])), ['DAMAGED']],
  ['raw', 'an odd size', Buffer.alloc(1000), ['ODD_SIZE']],
  ['iso', 'a file beyond the end', soundIso().subarray(0, 21 * 2048), ['INCOMPLETE']],
  ['iso', 'a place that contradicts itself', flipped(soundIso(), ISO_ROOT_AT + 34 * 2 + 2), ['DAMAGED']],
  ['iso', 'a bit of the boot catalogue', flipped(soundIso(), 19 * 2048 + 4), ['DAMAGED']],
  ['iso', 'descriptors without an end', at(soundIso(), 18 * 2048, 'garbage'), ['DAMAGED']],
  [
    'qcow2',
    'a cluster that is not counted',
    at(soundQcow2(), QCOW2_COUNTS_AT + 10, Buffer.alloc(2)),
    ['DAMAGED'],
  ],
  ['qcow2', 'two uses of one cluster', at(soundQcow2(), QCOW2_SECOND_AT + 8, be(5 * 65536)), ['DAMAGED']],
  ['qcow2', 'a cluster beyond the end', at(soundQcow2(), QCOW2_SECOND_AT, be(99 * 65536)), ['INCOMPLETE']],
  ['qcow2', 'a place within a cluster', at(soundQcow2(), QCOW2_SECOND_AT, be(5 * 65536 + 512)), ['DAMAGED']],
  ['qcow2', 'counts that lead nowhere', at(soundQcow2(), 65536, be(99 * 65536)), ['DAMAGED', 'DAMAGED']],
  ['qcow2', 'impossible counts', at(soundQcow2(), 96, number(4, 9, 'BE')), ['DAMAGED']],
  [
    'qcow2',
    'a table that is too large',
    at(soundQcow2(), 36, number(4, 2 ** 31, 'BE')),
    ['INCOMPLETE', 'DAMAGED'],
  ],
  ['vmdk', 'a grain beyond the end', soundVmdk().subarray(0, 100 * 512), ['INCOMPLETE']],
  [
    'vmdk',
    'a table that differs from its copy',
    at(soundVmdk(), VMDK_TABLE_AT, number(4, 18, 'LE')),
    ['DAMAGED'],
  ],
  ['vmdk', 'changed ends of lines', at(soundVmdk(), 73, '\n \n\n'), ['DAMAGED']],
  ['vmdk', 'no close', at(soundVmdk(), 72, '\u0001'), ['DAMAGED']],
  ['vmdk', 'grains of 1000 sectors', at(soundVmdk(), 20, number(8, 1000, 'LE')), ['DAMAGED']],
  ['vmdk', 'a bit of a compressed grain', flipped(streamedVmdk(), STREAMED_GRAIN_AT + 10), ['DAMAGED']],
  ['vmdk', 'a grain in another place', flipped(streamedVmdk(), STREAMED_GRAIN_AT - 11), ['DAMAGED']],
  ['vhd', 'a bit of the footer', flipped(soundFixedVhd(), 4096 + 30), ['DAMAGED']],
  ['vhd', 'a bit of the copy of the footer', flipped(soundDynamicVhd(), 30), ['DAMAGED']],
  ['vhd', 'a bit of the header', flipped(soundDynamicVhd(), 512 + 60), ['DAMAGED']],
  ['vhd', 'a block beyond the end', at(soundDynamicVhd(), VHD_TABLE_AT, number(4, 99, 'BE')), ['INCOMPLETE']],
  [
    'vhd',
    'two blocks in one place',
    at(soundDynamicVhd(), VHD_TABLE_AT + 4, number(4, 4, 'BE')),
    ['DAMAGED'],
  ],
  ['vhd', 'a disk that goes on', soundFixedVhd().subarray(512), ['INCOMPLETE']],
  ['vhdx', 'a bit of the first header', flipped(soundVhdx(), 0x10000 + 90), ['DAMAGED']],
  ['vhdx', 'a bit of the second header', flipped(soundVhdx(), 0x20000 + 90), ['DAMAGED']],
  ['vhdx', 'a bit of a region table', flipped(soundVhdx(), 0x40000 + 500), ['DAMAGED']],
  [
    'vhdx',
    'a block beyond the end',
    at(soundVhdx(), 0x100000 + 8 * 9000, number(8, (99n << 20n) | 6n, 'LE')),
    ['INCOMPLETE'],
  ],
  ['ova', 'another disk', soundOva('sha256', flipped(OVA_DISK, 9000)), ['DAMAGED']],
  ['ova', 'another disk, by SHA-1', soundOva('sha1', flipped(OVA_DISK, 9000)), ['DAMAGED']],
  ['ova', 'a shorter disk', soundOva('sha256', OVA_DISK.subarray(0, 4096)), ['DAMAGED', 'DAMAGED']],
  ['ova', 'an end within a disk', soundOva().subarray(0, 8192), ['INCOMPLETE', 'INCOMPLETE']],
  ['docker-archive', 'another layer', soundDockerArchive([LAYERS[0], flipped(LAYERS[1], 520)]), ['DAMAGED']],
  [
    'oci-archive',
    'a bit of a layer',
    flipped(soundOciArchive(), soundOciArchive().indexOf(LAYERS[1]) + 520),
    ['DAMAGED'],
  ],
  ['oci-archive', 'a layer that unpacks to another', compressedOciArchive(LAYERS[0]), ['DAMAGED']],
  [
    'oci-archive',
    'zstd of too large a window',
    compressedOciArchive(LAYERS[1], ofLargeWindow),
    Array(2).fill('COMPRESSED'),
  ],
])('finds what is wrong with %s: %s', async (format, _title, content, codes) => {
  const validated = await validateBytes(content);
  expect([validated.format, ...validated.defects.map(({ code }) => code)]).toEqual([format, ...codes]);
});
