// SPDX-License-Identifier: Apache-2.0
/** Small images of every format, made by hand, in which every checksum and every table fits. */
import { createHash } from 'node:crypto';
import { crc32, deflateSync, gzipSync } from 'node:zlib';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { tar } from '@local-datastore/shared/tar/testing/tar';
import { crc32c } from '../crc32c.ts';
import type { FileFormatName } from '../file-format.ts';
import {
  blob,
  CONFIG,
  CONFIG_MEMBER,
  CONFIG_TYPE,
  descriptor,
  IMAGE_BLOBS,
  indexFile,
  json,
  LAYER_TYPE,
  LAYERS,
  LAYOUT,
  MANIFEST,
  SAVED,
  saved,
} from './container-archives.ts';
import { build, dynamicVhd, number, SECTOR_BYTES, vhdFooter, vhdx } from './headers.ts';

const KIB = 1024;

/** Four partitions of a table: status, type, first sector, sectors. */
export const mbr = (...entries: readonly (readonly [type: number, start: number, sectors: number])[]) =>
  build(SECTOR_BYTES, {
    ...Object.fromEntries(
      entries.map(([type, start, sectors], index) => [
        446 + index * 16,
        Buffer.concat([
          Buffer.from([0, 0, 0, 0, type, 0, 0, 0]),
          number(4, start, 'LE'),
          number(4, sectors, 'LE'),
        ]),
      ]),
    ),
    510: Buffer.from([0x55, 0xaa]),
  });

function gptHeader(own: number, other: number, table: number, entries: Buffer): Buffer {
  const header = build(SECTOR_BYTES, {
    0: 'EFI PART',
    8: number(4, 0x10000, 'LE'),
    12: number(4, 92, 'LE'),
    24: number(8, own, 'LE'),
    32: number(8, other, 'LE'),
    72: number(8, table, 'LE'),
    80: number(4, entries.length / 128, 'LE'),
    84: number(4, 128, 'LE'),
    88: number(4, crc32(entries), 'LE'),
  });
  header.writeUInt32LE(crc32(header.subarray(0, 92)), 16);
  return header;
}

const GPT_SECTORS = 128;
/** A disk with one partition in a GPT: sectors 34 to 93. */
export function gptDisk(): Buffer {
  const entries = build(128 * 4, { 0: 'a type of 16 byt', 32: number(8, 34, 'LE'), 40: number(8, 93, 'LE') });
  const last = GPT_SECTORS - 1;
  return build(GPT_SECTORS * SECTOR_BYTES, {
    0: mbr([0xee, 1, 0xffffffff]),
    [SECTOR_BYTES]: gptHeader(1, last, 2, entries),
    [2 * SECTOR_BYTES]: entries,
    [(last - 1) * SECTOR_BYTES]: entries,
    [last * SECTOR_BYTES]: gptHeader(last, 1, last - 1, entries),
  });
}

/** Clusters of 64 KiB: header, counts' table, counts, first table, second table, and one of data. */
export function soundQcow2(): Buffer {
  const cluster = 64 * KIB;
  const used = 6;
  return build(used * cluster, {
    0: 'QFI\u00fb',
    4: number(4, 3, 'BE'),
    20: number(4, 16, 'BE'),
    24: number(8, 1024 ** 3, 'BE'),
    36: number(4, 2, 'BE'),
    40: number(8, 3 * cluster, 'BE'),
    48: number(8, cluster, 'BE'),
    56: number(4, 1, 'BE'),
    96: number(4, 4, 'BE'),
    100: number(4, 104, 'BE'),
    [cluster]: number(8, 2 * cluster, 'BE'),
    [2 * cluster]: Buffer.concat(Array.from({ length: used }, () => number(2, 1, 'BE'))),
    [3 * cluster]: number(8, (1n << 63n) | BigInt(4 * cluster), 'BE'),
    [4 * cluster]: number(8, (1n << 63n) | BigInt(5 * cluster), 'BE'),
  });
}

export const QCOW2_COUNTS_AT = 2 * 64 * KIB;
export const QCOW2_SECOND_AT = 4 * 64 * KIB;

const vmdkHeader = (flags: number, sectors: number, directory: number, second: number) => ({
  0: 'KDMV',
  4: number(4, 1, 'LE'),
  8: number(4, flags, 'LE'),
  12: number(8, sectors, 'LE'),
  20: number(8, 128, 'LE'),
  28: number(8, 1, 'LE'),
  36: number(8, 1, 'LE'),
  44: number(4, 512, 'LE'),
  48: number(8, second, 'LE'),
  56: number(8, directory, 'LE'),
  73: '\n \r\n',
});
const VMDK_TEXT = '# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\n';
export const VMDK_TABLE_AT = 12 * SECTOR_BYTES;

/** One grain of 64 KiB at sector 20, in a table and its copy. */
export const soundVmdk = (): Buffer =>
  build((20 + 128) * SECTOR_BYTES, {
    ...vmdkHeader(3, 4096, 11, 3),
    [SECTOR_BYTES]: VMDK_TEXT,
    [3 * SECTOR_BYTES]: number(4, 4, 'LE'),
    [4 * SECTOR_BYTES]: number(4, 20, 'LE'),
    [11 * SECTOR_BYTES]: number(4, 12, 'LE'),
    [VMDK_TABLE_AT]: number(4, 20, 'LE'),
  });

/** As VMware exports: a compressed grain at sector 16, whose directory stands in the footer. */
export function streamedVmdk(): Buffer {
  const grain = deflateSync(Buffer.alloc(64 * KIB, 'x'));
  const flags = 3 | (1 << 16);
  const directory = { 0: number(4, 8, 'LE') };
  return build(24 * SECTOR_BYTES, {
    ...vmdkHeader(flags, 4096, 0, 0),
    56: Buffer.alloc(8, 0xff),
    [SECTOR_BYTES]: VMDK_TEXT,
    [7 * SECTOR_BYTES]: build(SECTOR_BYTES, directory),
    [8 * SECTOR_BYTES]: number(4, 16, 'LE'),
    [16 * SECTOR_BYTES]: Buffer.concat([number(8, 0, 'LE'), number(4, grain.length, 'LE'), grain]),
    [22 * SECTOR_BYTES]: build(SECTOR_BYTES, vmdkHeader(flags, 4096, 7, 0)),
  });
}

export const STREAMED_GRAIN_AT = 16 * SECTOR_BYTES + 12;

function withChecksum(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(0, at);
  copy.writeUInt32BE(~copy.reduce((sum, byte) => sum + byte, 0) >>> 0, at);
  return copy;
}

export const soundFixedVhd = (): Buffer =>
  Buffer.concat([Buffer.alloc(4 * KIB), withChecksum(vhdFooter(4 * KIB), 64)]);

/** One block of 4 KiB with its bitmap, behind footer, header and table. */
export function soundDynamicVhd(): Buffer {
  const [footer, header] = [
    dynamicVhd(8 * KIB).subarray(0, 512),
    dynamicVhd(8 * KIB).subarray(512, 512 + 1024),
  ];
  header.writeUInt32BE(2, 28);
  header.writeUInt32BE(4 * KIB, 32);
  const table = Buffer.alloc(512, 0xff);
  table.writeUInt32BE(4, 0);
  const end = withChecksum(footer, 64);
  return Buffer.concat([end, withChecksum(header, 36), table, Buffer.alloc(512 + 4 * KIB), end]);
}

export const VHD_TABLE_AT = 1536;

export function soundVhdx(): Buffer {
  const content = vhdx(1024 ** 3);
  const seal = (offset: number, length: number) => {
    content.writeUInt32LE(0, offset + 4);
    content.writeUInt32LE(crc32c(content.subarray(offset, offset + length)), offset + 4);
  };
  for (const [index, offset] of [0x10000, 0x20000].entries()) {
    content.write('head', offset, 'latin1');
    content.writeBigUInt64LE(BigInt(index + 1), offset + 8);
    seal(offset, 4096);
  }
  seal(0x30000, 0x10000);
  content.copy(content, 0x40000, 0x30000, 0x40000);
  return content;
}

const both = (value: number) => Buffer.concat([number(4, value, 'LE'), number(4, value, 'BE')]);

function isoRecord(sector: number, sizeBytes: number, flags: number, name: string): Buffer {
  const length = 33 + name.length + ((name.length + 1) % 2);
  return build(length, {
    0: Buffer.from([length]),
    2: both(sector),
    10: both(sizeBytes),
    25: Buffer.from([flags]),
    32: Buffer.from([name.length]),
    33: name,
  });
}

export const ISO_ROOT_AT = 20 * 2048;
/** A folder with one file of 5 bytes at sector 21, and a boot catalogue at sector 19. */
export function soundIso(): Buffer {
  const dots = [isoRecord(20, 2048, 2, '\0'), isoRecord(20, 2048, 2, '\u0001')];
  const root = Buffer.concat([...dots, isoRecord(21, 5, 0, 'A.TXT;1')]);
  const entry = build(32, { 0: Buffer.from([1]), 30: Buffer.from([0x55, 0xaa]) });
  entry.writeUInt16LE((0x10000 - ((1 + 0xaa55) & 0xffff)) & 0xffff, 28);
  return build(24 * 2048, {
    [16 * 2048]: '\u0001CD001\u0001',
    [16 * 2048 + 80]: both(24),
    [16 * 2048 + 128]: number(2, 2048, 'LE'),
    [16 * 2048 + 156]: isoRecord(20, 2048, 2, '\0'),
    [17 * 2048]: '\0CD001\u0001EL TORITO SPECIFICATION',
    [17 * 2048 + 71]: number(4, 19, 'LE'),
    [18 * 2048]: '\u00ffCD001\u0001',
    [19 * 2048]: entry,
    [ISO_ROOT_AT]: root,
    [21 * 2048]: 'hello',
  });
}

export const OVA_DISK = soundVmdk();
const sha = (algorithm: string, content: Buffer | string) =>
  createHash(algorithm).update(content).digest('hex');

/** @param disk what stands in it in the place of the disk that its digests are of */
export function soundOva(algorithm: 'sha1' | 'sha256' = 'sha256', disk: Buffer = OVA_DISK): Buffer {
  const text = `<Envelope><References><File ovf:href="d.vmdk" ovf:id="f" ovf:size="${OVA_DISK.length}"/></References></Envelope>`;
  const line = (name: string, content: Buffer | string) =>
    `${algorithm.toUpperCase()}(${name})= ${sha(algorithm, content)}\n`;
  return tar(
    { name: 'app.ovf', content: text },
    { name: 'app.mf', content: line('app.ovf', text) + line('d.vmdk', OVA_DISK) },
    { name: 'd.vmdk', content: disk },
  );
}

/** @param layers what stands in it in the place of its layers */
export const soundDockerArchive = (layers: readonly Buffer[] = LAYERS): Buffer =>
  tar(
    CONFIG_MEMBER,
    { name: 'a/layer.tar', content: layers[0] ?? '' },
    { name: 'b/layer.tar', content: layers[1] ?? '' },
    saved(SAVED),
  );

export const soundOciArchive = (): Buffer =>
  tar(LAYOUT, ...IMAGE_BLOBS, indexFile(descriptor(MANIFEST, OCI_MANIFEST)));

/** Of layers that are compressed: @param unpacked what the second of them holds */
export function compressedOciArchive(
  unpacked: Buffer = LAYERS[1],
  compress: (layer: Buffer) => Buffer = gzipSync,
): Buffer {
  const layers = [compress(LAYERS[0]), compress(unpacked)];
  const manifest = json({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor(CONFIG, CONFIG_TYPE),
    layers: layers.map((layer) => descriptor(layer, `${LAYER_TYPE}+gzip`)),
  });
  const blobs = [manifest, CONFIG, ...layers].map((content) => blob(content));
  return tar(LAYOUT, ...blobs, indexFile(descriptor(manifest, OCI_MANIFEST)));
}

/** One of each. */
export const SOUND_IMAGES: Readonly<Record<Exclude<FileFormatName, 'qcow'>, () => Buffer>> = {
  raw: gptDisk,
  iso: soundIso,
  qcow2: soundQcow2,
  vmdk: soundVmdk,
  vhd: soundDynamicVhd,
  vhdx: soundVhdx,
  ova: () => soundOva(),
  'docker-archive': () => soundDockerArchive(),
  'oci-archive': soundOciArchive,
};
