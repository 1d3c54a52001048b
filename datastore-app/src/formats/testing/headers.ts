// SPDX-License-Identifier: Apache-2.0
/** Headers of disk formats, written out by hand for tests. */

export const GIB = 1024 ** 3;
export const SECTOR_BYTES = 512;

/** A content of zeros with pieces at given offsets; text stands for its latin1 bytes. */
export function build(sizeBytes: number, pieces: Readonly<Record<number, Buffer | string>>): Buffer {
  const content = Buffer.alloc(sizeBytes);
  for (const [offset, piece] of Object.entries(pieces)) {
    (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece).copy(content, Number(offset));
  }
  return content;
}

export function number(bytes: number, value: number | bigint, order: 'BE' | 'LE'): Buffer {
  const buffer = Buffer.alloc(8);
  if (order === 'BE') buffer.writeBigUInt64BE(BigInt(value));
  else buffer.writeBigUInt64LE(BigInt(value));
  return order === 'BE' ? buffer.subarray(8 - bytes) : buffer.subarray(0, bytes);
}

const CLUSTER_BYTES = 0x10000;

/** A qcow2 without any data, of clusters of 64 KiB: header, first-level table, reference counts. */
export const qcow2 = (
  sizeBytes: number | bigint,
  pieces: Readonly<Record<number, Buffer | string>> = {},
  version = 3,
): Buffer =>
  build(4 * CLUSTER_BYTES, {
    0: 'QFI\u00fb',
    4: number(4, version, 'BE'),
    20: number(4, 16, 'BE'),
    24: number(8, sizeBytes, 'BE'),
    36: number(4, 16, 'BE'),
    40: number(8, 3 * CLUSTER_BYTES, 'BE'),
    48: number(8, CLUSTER_BYTES, 'BE'),
    56: number(4, 1, 'BE'),
    ...pieces,
  });

/** A QCOW of version 1: clusters of 4 KiB, second-level tables of 512 entries. */
export const qcow1 = (sizeBytes: number): Buffer =>
  build(8192, {
    0: 'QFI\u00fb',
    4: number(4, 1, 'BE'),
    24: number(8, sizeBytes, 'BE'),
    32: Buffer.from([12, 9]),
    40: number(8, 48, 'BE'),
  });

/** A sparse extent of a VMDK, with its descriptor where one is given. */
export const sparseVmdk = (sectors: number, descriptor?: string, directorySector: number | bigint = 30) =>
  build(64 * SECTOR_BYTES, {
    0: 'KDMV',
    4: number(4, 1, 'LE'),
    12: number(8, sectors, 'LE'),
    28: number(8, descriptor === undefined ? 0 : 1, 'LE'),
    36: number(8, descriptor === undefined ? 0 : 20, 'LE'),
    56: number(8, directorySector, 'LE'),
    ...(descriptor !== undefined && { 512: descriptor }),
  });

export const VHD_TYPES = { fixed: 2, dynamic: 3, differencing: 4 } as const;

export const vhdFooter = (sizeBytes: number, type: keyof typeof VHD_TYPES = 'fixed', bytes = SECTOR_BYTES) =>
  build(bytes, {
    0: 'conectix',
    16: number(8, type === 'fixed' ? 2n ** 64n - 1n : SECTOR_BYTES, 'BE'),
    48: number(8, sizeBytes, 'BE'),
    60: number(4, VHD_TYPES[type], 'BE'),
  });

/** A dynamic VHD, or one that has a parent. */
export const dynamicVhd = (sizeBytes: number, parent?: string, tableEntries = 128) =>
  Buffer.concat([
    vhdFooter(sizeBytes, parent === undefined ? 'dynamic' : 'differencing'),
    build(2048, {
      0: 'cxsparse',
      16: number(8, 1536, 'BE'),
      28: number(4, tableEntries, 'BE'),
      64: Buffer.from(parent ?? '', 'utf16le').swap16(),
    }),
    vhdFooter(sizeBytes, parent === undefined ? 'dynamic' : 'differencing'),
  ]);

/** GUIDs in the byte order of [MS-DTYP] §2.3.4.2. */
const VHDX_GUIDS = {
  metadata: Buffer.from('06a27c8b90479a4bb8fe575f050f886e', 'hex'),
  blocks: Buffer.from('6677c22d23f600429d64115e9bfd4a08', 'hex'),
  parameters: Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex'),
  size: Buffer.from('2442a52f1bcd7648b2115dbed83bf4b8', 'hex'),
} as const;

export const vhdx = (sizeBytes: number, { flags = 0, blocksOffset = 0x100000 } = {}) =>
  build(0x220000, {
    0: 'vhdxfile',
    196608: 'regi',
    196616: number(4, 2, 'LE'),
    196624: VHDX_GUIDS.metadata,
    196640: number(8, 0x200000, 'LE'),
    196656: VHDX_GUIDS.blocks,
    196672: number(8, blocksOffset, 'LE'),
    196680: number(4, 0x100000, 'LE'),
    2097152: 'metadata',
    2097162: number(2, 2, 'LE'),
    2097184: VHDX_GUIDS.size,
    2097200: number(4, 0x10000, 'LE'),
    2097216: VHDX_GUIDS.parameters,
    2097232: number(4, 0x10008, 'LE'),
    2162688: number(8, sizeBytes, 'LE'),
    2162696: number(4, 0x2000000, 'LE'),
    2162700: number(4, flags, 'LE'),
  });

/** An ISO 9660 of so many sectors of 2048 bytes, whose volume may say another number. */
export const iso = (sectors: number, pieces: Readonly<Record<number, Buffer | string>> = {}) =>
  build(sectors * 2048, {
    32768: '\u0001CD001\u0001',
    32848: number(4, sectors, 'LE'),
    32896: number(2, 2048, 'LE'),
    ...pieces,
  });
