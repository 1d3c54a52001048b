// SPDX-License-Identifier: Apache-2.0
import type { FileFormat } from './file-format.ts';
import { FILE_FORMATS } from './file-formats.ts';
import type { ImageDescription } from './image-description.ts';
import { HEAD_BYTES, type ImageSource } from './image-source.ts';

/** What a content is, and the format that knows it. */
export interface DetectedFormat {
  readonly format: FileFormat;
  readonly description: ImageDescription;
  readonly source: ImageSource;
}

/**
 * Tells the format of an image by its content, never by its name. What nothing claims is a raw disk. Bounded: a few
 * kilobytes, tables of some formats, and the member headers of an archive.
 *
 * @throws what `readAt` throws; never because of what the file holds
 */
export async function detectFormat(
  readAt: ImageSource['readAt'],
  sizeBytes: number,
): Promise<DetectedFormat> {
  const source: ImageSource = { head: await readAt(0, HEAD_BYTES), sizeBytes, readAt };
  for (const format of FILE_FORMATS) {
    const description = await format.describe(source);
    if (description !== undefined) return { format, description, source };
  }
  throw new Error('raw takes what nothing else claims');
}

/** {@link detectFormat}, and what keeps EVE from using the image. */
export const describeImage = async (
  readAt: ImageSource['readAt'],
  sizeBytes: number,
): Promise<ImageDescription> => (await detectFormat(readAt, sizeBytes)).description;
