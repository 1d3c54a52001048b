import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { describeImage, type ImageDescription } from './formats.ts';
import type { ReadAt } from './read-at.ts';

const GIB = 1024 ** 3;
const SECTOR_BYTES = 512;

function describeBytes(content: Buffer): Promise<ImageDescription> {
  const readAt: ReadAt = async (offset, length) => content.subarray(offset, offset + length);
  return describeImage(readAt, content.length);
}

/** A content of zeros with pieces at given offsets. */
function build(sizeBytes: number, pieces: Readonly<Record<number, Buffer | string>>): Buffer {
  const content = Buffer.alloc(sizeBytes);
  for (const [offset, piece] of Object.entries(pieces)) Buffer.from(piece).copy(content, Number(offset));
  return content;
}

function number(bytes: number, value: number | bigint, order: 'BE' | 'LE'): Buffer {
  const buffer = Buffer.alloc(8);
  if (order === 'BE') buffer.writeBigUInt64BE(BigInt(value));
  else buffer.writeBigUInt64LE(BigInt(value));
  return order === 'BE' ? buffer.subarray(8 - bytes) : buffer.subarray(0, bytes);
}

const qcow = (version: number, sizeBytes: number | bigint) =>
  build(4096, {
    0: Buffer.from('QFI\u00fb', 'latin1'),
    4: number(4, version, 'BE'),
    24: number(8, sizeBytes, 'BE'),
  });

const vhdFooter = (sizeBytes: number) =>
  build(SECTOR_BYTES, { 0: 'conectix', 48: number(8, sizeBytes, 'BE') });

interface Member {
  readonly name: string;
  readonly content?: Buffer;
  readonly type?: string;
}

function tar(...members: readonly Member[]): Buffer {
  const blocks = members.flatMap(({ name, content = Buffer.alloc(0), type = '0' }) => [
    build(SECTOR_BYTES, {
      0: name,
      124: `${content.length.toString(8).padStart(11, '0')}\0`,
      156: type,
      257: 'ustar\u000000',
    }),
    content,
    Buffer.alloc(-content.length & (SECTOR_BYTES - 1)),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * SECTOR_BYTES)]);
}

/** GUIDs in the byte order of [MS-DTYP] §2.3.4.2, written out by hand. */
const VHDX_METADATA_GUID = Buffer.from('06a27c8b90479a4bb8fe575f050f886e', 'hex');
const VHDX_SIZE_GUID = Buffer.from('2442a52f1bcd7648b2115dbed83bf4b8', 'hex');

const vhdx = (sizeBytes: number) =>
  build(0x220000, {
    0: 'vhdxfile',
    196608: 'regi',
    196616: number(4, 1, 'LE'),
    196624: VHDX_METADATA_GUID,
    196640: number(8, 0x200000, 'LE'),
    2097152: 'metadata',
    2097162: number(2, 1, 'LE'),
    2097184: VHDX_SIZE_GUID,
    2097200: number(4, 0x10000, 'LE'),
    2162688: number(8, sizeBytes, 'LE'),
  });

const DESCRIPTOR = `# Disk DescriptorFile
version=1
createType="twoGbMaxExtentSparse"
RW 4192256 SPARSE "disk-s001.vmdk"
RW 2048 SPARSE "disk-s002.vmdk"
`;

const HEX = 'ab'.repeat(32);

it.each<[string, Buffer, ImageDescription]>([
  ['qcow2', qcow(3, 8 * GIB), { format: 'qcow2', virtualSizeBytes: 8 * GIB }],
  ['qcow', qcow(1, GIB), { format: 'qcow', virtualSizeBytes: GIB }],
  ['a qcow2 of an absurd size', qcow(2, 2n ** 63n), { format: 'qcow2', virtualSizeBytes: null }],
  [
    'a sparse vmdk',
    build(4096, { 0: 'KDMV', 12: number(8, 4096, 'LE') }),
    { format: 'vmdk', virtualSizeBytes: 4096 * SECTOR_BYTES },
  ],
  [
    "a vmdk's descriptor",
    Buffer.from(DESCRIPTOR),
    { format: 'vmdk', virtualSizeBytes: (4192256 + 2048) * SECTOR_BYTES },
  ],
  ['vhdx', vhdx(127 * GIB), { format: 'vhdx', virtualSizeBytes: 127 * GIB }],
  ['a vhdx without tables', build(4096, { 0: 'vhdxfile' }), { format: 'vhdx', virtualSizeBytes: null }],
  [
    'a fixed vhd',
    Buffer.concat([Buffer.alloc(10_000), vhdFooter(10_000)]),
    { format: 'vhd', virtualSizeBytes: 10_000 },
  ],
  [
    'a dynamic vhd',
    Buffer.concat([vhdFooter(2 * GIB), Buffer.alloc(10_000)]),
    { format: 'vhd', virtualSizeBytes: 2 * GIB },
  ],
  ['iso', build(0x9000, { 32769: 'CD001' }), { format: 'iso', virtualSizeBytes: 0x9000 }],
  [
    'an ova',
    tar({ name: 'app.ovf', content: Buffer.from('<Envelope/>') }, { name: 'disk.vmdk' }),
    { format: 'ova', virtualSizeBytes: null },
  ],
  [
    'an OCI layout',
    tar({ name: 'blobs/', type: '5' }, { name: './oci-layout', content: Buffer.from('{}') }),
    { format: 'container', virtualSizeBytes: null },
  ],
  [
    'what docker save writes, layers first',
    tar({ name: `${HEX}/layer.tar`, content: Buffer.alloc(1500) }, { name: 'manifest.json' }),
    { format: 'container', virtualSizeBytes: null },
  ],
  [
    'a container archive behind a pax header',
    tar({ name: 'pax', type: 'x', content: Buffer.alloc(20) }, { name: 'oci-layout' }),
    { format: 'container', virtualSizeBytes: null },
  ],
  [
    'a compressed container archive',
    gzipSync(tar({ name: `blobs/sha256/${HEX}`, content: Buffer.alloc(100_000) })),
    { format: 'container', virtualSizeBytes: null },
  ],
])('tells %s', async (_title, content, description) => {
  expect(await describeBytes(content)).toEqual(description);
});

it.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('Q')],
  ['a cut qcow2 header', qcow(3, GIB).subarray(0, 20)],
  ['zeros', Buffer.alloc(100_000)],
  ['another tar', tar({ name: 'readme.txt' }, { name: 'app.ovf' })],
  ['a tar whose size field is no number', tar({ name: 'a' }).fill('z', 124, 135)],
  ['another gzip', gzipSync('text')],
  ['a gzip that is not sound', Buffer.concat([Buffer.from('1f8b08', 'hex'), Buffer.alloc(500, 0xff)])],
])('takes %s for a raw disk', async (_title, content) => {
  expect(await describeBytes(content)).toEqual({ format: 'raw', virtualSizeBytes: content.length });
});

it('does not follow a vhdx whose tables lead nowhere', async () => {
  const content = vhdx(GIB);
  content.writeBigUInt64LE(2n ** 63n, 0x30020);
  expect(await describeBytes(content)).toEqual({ format: 'vhdx', virtualSizeBytes: null });
});

it('reads little of a large file', async () => {
  const reads: number[] = [];
  await describeImage(async (_offset, length) => {
    reads.push(length);
    return Buffer.alloc(length);
  }, 1024 * GIB);
  expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThan(16 * 1024);
});
