// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { followContent } from './follow-content.ts';
import type { OpenFile } from './open-file.ts';
import { createPieceReads } from './piece-reads.ts';

/** Some of the bytes of an open file. */
export interface FileSegment {
  readonly kind: 'file';
  readonly file: OpenFile;
  readonly offset: number;
  readonly length: number;
}

/** Bytes that are in memory, such as the headers of an archive that is made on the fly. */
export interface BufferSegment {
  readonly kind: 'buffer';
  readonly bytes: Uint8Array;
}

/** Bytes of which some are still on their way here. */
export interface ArrivingSegment {
  readonly kind: 'arriving';
  readonly length: number;
  /** Fills a piece from an offset in the segment on, once all of it is here. As {@link SourceReader.fill}. */
  fill(piece: Buffer, offset: number, callback: (error: Error | null) => void): void;
  /** Whatever waits for bytes ends with an error now. */
  abandon(): void;
  /** Nobody reads it any more. */
  close(): void;
}

export type Segment = FileSegment | BufferSegment | ArrivingSegment;

/** Bytes that can be sent: what stands in memory and in files, one after another. Whoever has it closes it. */
export interface ByteSource {
  /** Of all segments together. */
  readonly sizeBytes: number;
  readonly segments: readonly Segment[];
  /** Nobody wants it any more: who waits for what has not arrived yet hears of it. To be closed all the same. */
  abandon(): void;
  /** Closes the files of the segments. Once. */
  close(): void;
}

const lengthOf = (segment: Segment) => (segment.kind === 'buffer' ? segment.bytes.length : segment.length);

/** Several segments may be of one open file, which is closed once. */
export function byteSourceOf(segments: readonly Segment[]): ByteSource {
  const arriving = segments.filter((segment) => segment.kind === 'arriving');
  return {
    sizeBytes: segments.reduce((bytes, segment) => bytes + lengthOf(segment), 0),
    segments,
    abandon() {
      for (const segment of arriving) segment.abandon();
    },
    close() {
      const files = new Set(segments.flatMap((each) => (each.kind === 'file' ? [each.file.fd] : [])));
      for (const fd of files) closeSync(fd);
      for (const segment of arriving) segment.close();
    },
  };
}

/** A file from its beginning to its end. */
export const wholeFile = (file: OpenFile): ByteSource =>
  byteSourceOf([{ kind: 'file', file, offset: 0, length: file.version.sizeBytes }]);

/** A piece that was asked for is not what it was when its file was opened, or not there any more. */
export class SourceChangedError extends Error {
  constructor() {
    super('a file was changed while it was being read');
    this.name = 'SourceChangedError';
  }
}

/** Reads a byte source piece by piece; every piece is of the content that was opened, or there is an error. */
export interface SourceReader {
  /**
   * Fills a piece from a position on. All of it must lie in the source.
   *
   * @param callback hears of SourceChangedError, or of an error of the system
   */
  fill(piece: Buffer, position: number, callback: (error: Error | null) => void): void;
}

/** Reads a piece of a source; fewer bytes at its end. @throws SourceChangedError, errors of the system */
export function createSourceReadAt(source: ByteSource): (offset: number, length: number) => Promise<Buffer> {
  const reader = createSourceReader(source);
  return (offset, length) => {
    const piece = Buffer.alloc(Math.max(0, Math.min(length, source.sizeBytes - offset)));
    return new Promise((resolve, reject) => {
      reader.fill(piece, offset, (error) => (error === null ? resolve(piece) : reject(error)));
    });
  };
}

/** Where each segment begins, by halving: an archive has thousands of them. */
function findSegment(starts: readonly number[], position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function createSourceReader({ segments: given }: ByteSource): SourceReader {
  const segments = given.filter((segment) => lengthOf(segment) > 0);
  const starts: number[] = [];
  let end = 0;
  for (const segment of segments) {
    starts.push(end);
    end += lengthOf(segment);
  }
  const readPiece = createPieceReads();
  const checks = new Map<number, () => boolean>();
  const isUnchanged = (file: OpenFile): boolean => {
    let check = checks.get(file.fd);
    if (check === undefined) {
      check = followContent(file);
      checks.set(file.fd, check);
    }
    return check();
  };

  return {
    fill(piece, position, callback) {
      const fillFrom = (filled: number): void => {
        if (filled === piece.length) {
          callback(null);
          return;
        }
        const index = findSegment(starts, position + filled);
        const segment = segments[index];
        const within = position + filled - (starts[index] ?? 0);
        if (segment === undefined || within >= lengthOf(segment)) {
          callback(new RangeError('a piece lies behind the end of its source'));
          return;
        }
        const wanted = Math.min(piece.length - filled, lengthOf(segment) - within);
        if (segment.kind === 'buffer') {
          piece.set(segment.bytes.subarray(within, within + wanted), filled);
          fillFrom(filled + wanted);
          return;
        }
        if (segment.kind === 'arriving') {
          segment.fill(piece.subarray(filled, filled + wanted), within, (error) => {
            if (error !== null) callback(error);
            else fillFrom(filled + wanted);
          });
          return;
        }
        const { file, offset } = segment;
        readPiece(file.fd, piece, filled, wanted, offset + within, (error, bytesRead) => {
          if (error !== null) callback(error);
          // Also the end of file: the file became shorter.
          else if (bytesRead === 0 || !isUnchanged(file)) callback(new SourceChangedError());
          else fillFrom(filled + bytesRead);
        });
      };
      fillFrom(0);
    },
  };
}
