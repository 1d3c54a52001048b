// SPDX-License-Identifier: Apache-2.0
import type { DiskFormat } from './machine-engine-contract.ts';
import { refused } from './refused.ts';

/** So much of the beginning of a file tells what it is. */
export const HEADER_BYTES = 0x8006;

/** QEMU docs/interop/qcow2: `QFI\xfb`. */
const QCOW_MAGIC = 0x514649fb;
const V3_FEATURES_AT = 72;
const V3_HEADER_BYTES = 104;
const INCOMPATIBLE = { corrupt: 1n << 1n, dataFile: 1n << 2n } as const;
/** ISO 9660 §8.1: the identifier of the first volume descriptor, in sector 16. */
const ISO_ID = { at: 0x8001, text: 'CD001' } as const;
/** No disk of a device is as large. */
const MAX_DISK_BYTES = 64 * 1024 ** 4;

/**
 * Of a QCOW2 image the size that the machine sees. One that names another file, which would be read in its place with
 * the contents of the host, is refused.
 *
 * @throws EngineError
 */
function readQcow2(header: Buffer): number {
  const version = header.length >= V3_FEATURES_AT ? header.readUInt32BE(4) : 0;
  if (version !== 2 && version !== 3) throw refused(422, 'the disk is no QCOW2 image of version 2 or 3');
  if (header.readBigUInt64BE(8) !== 0n || header.readUInt32BE(16) !== 0) {
    throw refused(
      422,
      'the QCOW2 image names a backing file: make one image of both with "qemu-img convert"',
    );
  }
  if (header.readUInt32BE(32) !== 0) throw refused(422, 'the QCOW2 image is encrypted');
  const hasFeatures = version === 3 && header.length >= V3_HEADER_BYTES;
  if (version === 3 && !hasFeatures) throw refused(422, 'the QCOW2 image is cut off in its header');
  const features = hasFeatures ? header.readBigUInt64BE(V3_FEATURES_AT) : 0n;
  if ((features & INCOMPATIBLE.dataFile) !== 0n) {
    throw refused(
      422,
      'the QCOW2 image keeps its data in another file: make one image with "qemu-img convert"',
    );
  }
  if ((features & INCOMPATIBLE.corrupt) !== 0n) throw refused(422, 'the QCOW2 image is marked as corrupt');
  const size = header.readBigUInt64BE(24);
  if (size > BigInt(MAX_DISK_BYTES)) throw refused(422, `the QCOW2 image claims a disk of ${size} bytes`);
  return Number(size);
}

/**
 * Sees by the beginning of a file whether it can be the disk that it is said to be.
 *
 * Pure. A RAW disk may begin with anything: what looks like QCOW2 is, for the machine, bytes like others.
 *
 * @param header the first {@link HEADER_BYTES}, or the whole of a shorter file
 * @returns the size of the disk in bytes
 * @throws EngineError
 */
export function readDiskSize(format: DiskFormat, header: Buffer, fileBytes: number): number {
  if (fileBytes === 0) throw refused(422, 'the disk is empty');
  if (format === 'qcow2') {
    if (header.length < 4 || header.readUInt32BE(0) !== QCOW_MAGIC) {
      throw refused(422, 'the disk is no QCOW2 image');
    }
    return readQcow2(header);
  }
  if (
    format === 'iso' &&
    header.toString('latin1', ISO_ID.at, ISO_ID.at + ISO_ID.text.length) !== ISO_ID.text
  ) {
    throw refused(422, 'the disc is no ISO 9660 image');
  }
  return fileBytes;
}
