import { describeArchive } from './archive.ts';
import { describeForeign } from './foreign.ts';
import type { ImageDescription } from './image-description.ts';
import { type DescribeFormat, HEAD_BYTES, type ImageSource } from './image-source.ts';
import { describeOptical } from './optical.ts';
import { describeQcow } from './qcow.ts';
import { describeRaw } from './raw.ts';
import { describeText } from './text.ts';
import { describeVhd } from './vhd.ts';
import { describeVhdx } from './vhdx.ts';
import { describeVmdk } from './vmdk.ts';

/**
 * Who claims a content first has it: magics at the beginning, then what stands elsewhere. Archives come before the
 * compressed files that some of them are, and text, which has no magic, comes last.
 */
const FORMATS: readonly DescribeFormat[] = [
  describeQcow,
  describeVmdk,
  describeVhdx,
  describeVhd,
  describeOptical,
  describeArchive,
  describeForeign,
  describeText,
];

/**
 * Tells the format of an image by its content, never by its name, and what keeps EVE from using it. What nothing
 * claims is a raw disk. Bounded: a few kilobytes, tables of some formats, and the member headers of an archive.
 *
 * @throws what `readAt` throws; never because of what the file holds
 */
export async function describeImage(
  readAt: ImageSource['readAt'],
  sizeBytes: number,
): Promise<ImageDescription> {
  const source: ImageSource = { head: await readAt(0, HEAD_BYTES), sizeBytes, readAt };
  for (const describe of FORMATS) {
    const description = await describe(source);
    if (description !== undefined) return description;
  }
  return describeRaw(sizeBytes);
}
