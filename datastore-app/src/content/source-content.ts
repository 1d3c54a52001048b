// SPDX-License-Identifier: Apache-2.0
import { type ByteSource, createSourceReadAt, createSourceReader } from './byte-source.ts';

const PIECE_BYTES = 256 * 1024;

/**
 * The content of a source piece by piece. Each piece is only good until the next is asked for.
 *
 * @throws errors of reading, such as {@link SourceChangedError}
 */
export async function* sourceContent(source: ByteSource): AsyncGenerator<Buffer> {
  const reader = createSourceReader(source);
  const buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES, source.sizeBytes));
  for (let position = 0; position < source.sizeBytes; position += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, source.sizeBytes - position));
    await new Promise<void>((resolve, reject) => {
      reader.fill(piece, position, (error) => (error === null ? resolve() : reject(error)));
    });
    yield piece;
  }
}

/** All of a source that is small. As {@link sourceContent}. */
export const readWholeSource = (source: ByteSource): Promise<Buffer> =>
  createSourceReadAt(source)(0, source.sizeBytes);
