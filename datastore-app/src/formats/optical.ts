import { type DescribeFormat, incomplete, SECTOR_BYTES, startsWith } from './image-source.ts';

/** ECMA-119 §8, ECMA-167 2/9: volume descriptors begin in sector 16, of 2048 bytes each. */
const FIRST_DESCRIPTOR = 16;
const DISC_SECTOR_BYTES = 2048;
/** Those of ISO 9660, then those of UDF; a disc of both has a handful. */
const MAX_DESCRIPTORS = 12;
/** Programs pad a volume by 150 sectors that a copy of the disc may lack; what is read never stands there. */
const PADDING_BYTES = 1024 * 1024;
const BOOT_SIGNATURE = 0xaa55;

/** ISO 9660 with or without El Torito, hybrids that are disks as well, and UDF. */
export const describeOptical: DescribeFormat = async ({ head, readAt, sizeBytes }) => {
  const first = await readAt(FIRST_DESCRIPTOR * DISC_SECTOR_BYTES, 256);
  if (startsWith(first, 'CD001', 1)) {
    const isHybrid = head.length >= SECTOR_BYTES && head.readUInt16LE(510) === BOOT_SIGNATURE;
    const volumeBytes =
      first.length >= 132 && first[0] === 1 ? first.readUInt32LE(80) * first.readUInt16LE(128) : 0;
    return {
      format: 'iso',
      content: isHybrid ? 'hybrid-iso' : 'iso',
      virtualSizeBytes: sizeBytes,
      problems: volumeBytes > sizeBytes + PADDING_BYTES ? [incomplete('Its volume goes on')] : [],
    };
  }
  if (!startsWith(first, 'BEA01', 1)) return undefined;
  for (let i = 1; i < MAX_DESCRIPTORS; i += 1) {
    const identifier = await readAt((FIRST_DESCRIPTOR + i) * DISC_SECTOR_BYTES + 1, 5);
    if (startsWith(identifier, 'NSR02') || startsWith(identifier, 'NSR03')) {
      return { format: 'iso', content: 'udf', virtualSizeBytes: sizeBytes, problems: [] };
    }
  }
  return undefined;
};
