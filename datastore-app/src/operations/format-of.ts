// SPDX-License-Identifier: Apache-2.0
import { createSourceReadAt, wholeFile } from '../content/byte-source.ts';
import type { OpenImage } from '../images/open-image.ts';
import type { FileParser } from '../parsing/file-parser.ts';
import type { ImageName } from './image-name.ts';
import type { OperationFormat } from './image-operations.ts';

/** Whose operations an image has, by its content. What is not there is as good as raw: the operation itself says so. */
export type FormatOf = (name: ImageName) => Promise<OperationFormat>;

/** @param openImage from createImageOpener */
export function createFormatOf(
  openImage: (path: string) => OpenImage | undefined,
  parser: FileParser,
): FormatOf {
  return async (name) => {
    if (name.kind === 'oci') return 'oci';
    const image = openImage(name.path);
    if (image === undefined) return 'raw';
    const source = wholeFile(image);
    try {
      const { sizeBytes } = source;
      return (await parser.parse('describe', { sizeBytes, readAt: createSourceReadAt(source) })).format;
    } finally {
      source.close();
    }
  };
}
