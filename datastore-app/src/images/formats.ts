/** EVE's `Format`, lower case. */
export type ImageFormat = 'raw' | 'qcow' | 'qcow2' | 'vhd' | 'vmdk' | 'ova' | 'vhdx' | 'container' | 'iso';

export interface DetectedFormat {
  readonly format: ImageFormat;
  /** The size of the disk that the image describes; null where the format has none or it is not in the head. */
  readonly virtualSizeBytes: number | null;
}

/** How many of a file's first and last bytes `detectFormat` looks at. */
export const HEAD_BYTES = 320 * 1024;
export const TAIL_BYTES = 512;

const SECTOR_BYTES = 512;
const TAR_BLOCK_BYTES = 512;

function safeSize(value: bigint): number | null {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
}

const hasMagic = (bytes: Buffer, offset: number, magic: string) =>
  bytes.length >= offset + magic.length && bytes.toString('latin1', offset, offset + magic.length) === magic;

/** qcow2 specification, header: version at 4, size at 24, both big-endian. */
function detectQcow(head: Buffer): DetectedFormat | undefined {
  if (!hasMagic(head, 0, 'QFI\u00fb') || head.length < 32) return undefined;
  const format = head.readUInt32BE(4) === 1 ? 'qcow' : 'qcow2';
  return { format, virtualSizeBytes: safeSize(head.readBigUInt64BE(24)) };
}

/** VMDK 5.0: a sparse extent (capacity in sectors at 12, little-endian) or a text descriptor alone. */
function detectVmdk(head: Buffer): DetectedFormat | undefined {
  if (hasMagic(head, 0, 'KDMV') && head.length >= 20) {
    return { format: 'vmdk', virtualSizeBytes: safeSize(head.readBigUInt64LE(12) * BigInt(SECTOR_BYTES)) };
  }
  if (!/^# Disk DescriptorFile/i.test(head.toString('latin1', 0, 64))) return undefined;
  const extents = head.toString('latin1', 0, 64 * 1024).matchAll(/^RW (\d{1,15}) /gm);
  const sectors = [...extents].reduce((sum, [, count]) => sum + Number(count), 0);
  return { format: 'vmdk', virtualSizeBytes: sectors > 0 ? sectors * SECTOR_BYTES : null };
}

/** VHD 1.0: a footer, whose current size stands at 48, big-endian; dynamic disks begin with a copy of it. */
function detectVhd(head: Buffer, tail: Buffer): DetectedFormat | undefined {
  const footer = [head, tail].find((bytes) => hasMagic(bytes, 0, 'conectix') && bytes.length >= 56);
  return footer && { format: 'vhd', virtualSizeBytes: safeSize(footer.readBigUInt64BE(48)) };
}

/** GUIDs as they stand on the disk (MS-VHDX §2.2.3, §2.6.2). */
const VHDX_METADATA_REGION = Buffer.from('06a27c8b90479a4bb8fe575f050f886e', 'hex');
const VHDX_VIRTUAL_DISK_SIZE = Buffer.from('2442a52f1bcd7648b2115dbed83bf4b8', 'hex');
const VHDX_REGION_TABLE_OFFSET = 192 * 1024;

/** MS-VHDX: the size is a metadata item, which is found only when its region lies within the head. */
function detectVhdx(head: Buffer): DetectedFormat | undefined {
  if (!hasMagic(head, 0, 'vhdxfile')) return undefined;
  const region = head.indexOf(VHDX_METADATA_REGION, VHDX_REGION_TABLE_OFFSET);
  const start = region === -1 ? -1 : safeSize(head.readBigUInt64LE(region + 16));
  if (start === null || start < 0 || start + 64 > head.length)
    return { format: 'vhdx', virtualSizeBytes: null };
  const item = head.indexOf(VHDX_VIRTUAL_DISK_SIZE, start);
  const offset = item === -1 ? -1 : start + head.readUInt32LE(item + 16);
  const isWithin = offset >= 0 && offset + 8 <= head.length;
  return { format: 'vhdx', virtualSizeBytes: isWithin ? safeSize(head.readBigUInt64LE(offset)) : null };
}

/** ECMA-119 §8.4: the primary volume descriptor at sector 16; its volume space size at 80 is in blocks. */
function detectIso(head: Buffer): DetectedFormat | undefined {
  const descriptor = 16 * 2048;
  if (!hasMagic(head, descriptor + 1, 'CD001') || head.length < descriptor + 132) return undefined;
  const sizeBytes = head.readUInt32LE(descriptor + 80) * head.readUInt16LE(descriptor + 128);
  return { format: 'iso', virtualSizeBytes: sizeBytes > 0 ? sizeBytes : null };
}

/** The names of the members of a tar archive (POSIX ustar) whose headers stand in the head. */
function* tarMemberNames(head: Buffer): Generator<string> {
  for (let offset = 0; offset + TAR_BLOCK_BYTES <= head.length; ) {
    if (!hasMagic(head, offset + 257, 'ustar')) return;
    yield head
      .toString('utf8', offset, offset + 100)
      .replace(/\0.*$/s, '')
      .replace(/^\.\//, '');
    const size = Number.parseInt(head.toString('latin1', offset + 124, offset + 135).trim() || '0', 8);
    if (!Number.isSafeInteger(size) || size < 0) return;
    offset += TAR_BLOCK_BYTES * (1 + Math.ceil(size / TAR_BLOCK_BYTES));
  }
}

/** OVF 1.0 §5: the first member is the descriptor. OCI image layout and `docker save` name theirs. */
function detectTar(head: Buffer): DetectedFormat | undefined {
  let isFirst = true;
  for (const name of tarMemberNames(head)) {
    if (isFirst && /\.ovf$/i.test(name)) return { format: 'ova', virtualSizeBytes: null };
    isFirst = false;
    if (
      ['oci-layout', 'index.json', 'manifest.json', 'repositories'].includes(name) ||
      /^blobs\//.test(name)
    ) {
      return { format: 'container', virtualSizeBytes: null };
    }
    // `docker save` of old puts a folder for each layer first.
    if (/^[0-9a-f]{64}\/(VERSION|json|layer\.tar)?$/.test(name)) {
      return { format: 'container', virtualSizeBytes: null };
    }
  }
  return undefined;
}

/**
 * Tells an image's format by its content, never by its name.
 *
 * @param head the first HEAD_BYTES of the file, or all of it
 * @param tail the last TAIL_BYTES, or all of it
 */
export function detectFormat(head: Buffer, tail: Buffer, sizeBytes: number): DetectedFormat {
  return (
    detectQcow(head) ??
    detectVmdk(head) ??
    detectVhdx(head) ??
    detectVhd(head, tail) ??
    detectIso(head) ??
    detectTar(head) ?? { format: 'raw', virtualSizeBytes: sizeBytes }
  );
}
