import { detectArchive } from './format-archive.ts';
import { parseVhdxVirtualSize, VHDX_SIGNATURE } from './format-vhdx.ts';
import type { ReadAt } from './read-at.ts';

/** EVE's `Format`, in lower case. */
export const IMAGE_FORMATS = [
  'raw',
  'qcow',
  'qcow2',
  'vhd',
  'vmdk',
  'ova',
  'vhdx',
  'container',
  'iso',
] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

export interface ImageDescription {
  readonly format: ImageFormat;
  /** The size of the disk that a guest sees; null where there is no disk, or its header is not sound. */
  readonly virtualSizeBytes: number | null;
}

const SECTOR_BYTES = 512;
/** Enough for every header but ISO's and VHDX's tables. */
const HEAD_BYTES = 4096;

/** An unsigned 64-bit number as a number; null beyond what that holds exactly. */
export function toSafeNumber(value: bigint): number | null {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
}

/**
 * Tells the format of an image by its content, never by its name, and reads the virtual size from its header.
 * What nothing claims is a raw disk. Bounded: a few kilobytes, and the member headers of an archive.
 *
 * @throws what `readAt` throws; never because of what the file holds
 */
export async function describeImage(readAt: ReadAt, sizeBytes: number): Promise<ImageDescription> {
  const head = await readAt(0, HEAD_BYTES);
  const described =
    describeQcow(head) ??
    describeVmdk(head) ??
    (await describeVhdx(head, readAt)) ??
    describeVhd(head) ??
    (await describeIso(readAt, sizeBytes)) ??
    describeVhd(await readAt(Math.max(0, sizeBytes - SECTOR_BYTES), SECTOR_BYTES));
  if (described !== undefined) return described;
  const archive = await detectArchive(head, readAt, sizeBytes);
  if (archive !== undefined) return { format: archive, virtualSizeBytes: null };
  return { format: 'raw', virtualSizeBytes: sizeBytes };
}

function startsWith(bytes: Buffer, text: string, offset = 0): boolean {
  return bytes.toString('latin1', offset, offset + text.length) === text;
}

/** QEMU docs/interop/qcow2: magic, version (big endian); the size stands at 24 in all versions. */
function describeQcow(head: Buffer): ImageDescription | undefined {
  if (!startsWith(head, 'QFI\u00fb') || head.length < 32) return undefined;
  const version = head.readUInt32BE(4);
  if (version === 0) return undefined;
  return {
    format: version === 1 ? 'qcow' : 'qcow2',
    virtualSizeBytes: toSafeNumber(head.readBigUInt64BE(24)),
  };
}

/** VMware Virtual Disk Format 5.0: a sparse extent's header, or a descriptor that stands alone as text. */
function describeVmdk(head: Buffer): ImageDescription | undefined {
  if (startsWith(head, 'KDMV') && head.length >= 20) {
    const capacitySectors = head.readBigUInt64LE(12);
    return { format: 'vmdk', virtualSizeBytes: toSafeNumber(capacitySectors * BigInt(SECTOR_BYTES)) };
  }
  if (!startsWith(head, '# Disk DescriptorFile')) return undefined;
  const extents = head.toString('latin1').matchAll(/^(?:RW|RDONLY|NOACCESS)[ \t]+(\d{1,15})[ \t]/gm);
  let sectors = 0n;
  for (const [, count = '0'] of extents) sectors += BigInt(count);
  return {
    format: 'vmdk',
    virtualSizeBytes: sectors === 0n ? null : toSafeNumber(sectors * BigInt(SECTOR_BYTES)),
  };
}

async function describeVhdx(head: Buffer, readAt: ReadAt): Promise<ImageDescription | undefined> {
  if (!startsWith(head, VHDX_SIGNATURE)) return undefined;
  return { format: 'vhdx', virtualSizeBytes: await parseVhdxVirtualSize(readAt) };
}

/** Virtual Hard Disk Image Format Specification: the footer, or a dynamic disk's copy of it at the front. */
function describeVhd(footer: Buffer): ImageDescription | undefined {
  if (!startsWith(footer, 'conectix') || footer.length < 56) return undefined;
  return { format: 'vhd', virtualSizeBytes: toSafeNumber(footer.readBigUInt64BE(48)) };
}

/** ECMA-119 §8: the first volume descriptor stands in sector 16 of 2048 bytes. */
async function describeIso(readAt: ReadAt, sizeBytes: number): Promise<ImageDescription | undefined> {
  const identifier = await readAt(0x8001, 5);
  return startsWith(identifier, 'CD001') ? { format: 'iso', virtualSizeBytes: sizeBytes } : undefined;
}
