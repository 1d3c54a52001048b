// SPDX-License-Identifier: Apache-2.0
import { type ArrivingSegment, type ByteSource, byteSourceOf, createSourceReader } from './byte-source.ts';

/** Bytes that are only opened when some of them are read: who asks for the head alone opens nothing. */
export function lazySource(sizeBytes: number, open: () => Promise<ByteSource>): ByteSource {
  let opening: Promise<ByteSource> | undefined;
  let opened: ByteSource | undefined;
  let isAbandoned = false;
  let isClosed = false;

  async function openOnce(): Promise<ByteSource> {
    const source = await open();
    opened = source;
    if (isAbandoned) source.abandon();
    if (isClosed) source.close();
    return source;
  }

  const segment: ArrivingSegment = {
    kind: 'arriving',
    length: sizeBytes,
    fill(piece, offset, callback) {
      opening ??= openOnce();
      opening.then(
        (source) => {
          if (isClosed) callback(new Error('nobody waits any more'));
          else createSourceReader(source).fill(piece, offset, callback);
        },
        (error: Error) => callback(error),
      );
    },
    abandon() {
      isAbandoned = true;
      opened?.abandon();
    },
    close() {
      isClosed = true;
      opened?.close();
    },
  };
  return byteSourceOf([segment]);
}
