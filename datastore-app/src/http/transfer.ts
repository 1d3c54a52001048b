// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { type ByteSource, createSourceReader, SourceChangedError } from '../content/byte-source.ts';
import type { MemoryShare } from './transfer-memory.ts';

/** What sending a file that was changed in place ends with. */
export class FileChangedError extends Error {
  constructor(path: string) {
    super(`${path} was changed while it was being sent`);
    this.name = 'FileChangedError';
  }
}

type OpenCallback = (error: Error | null, fd?: number) => void;
type ReadCallback = (error: Error | null, bytesRead?: number, buffer?: Buffer) => void;

/** The functions that `fs.createReadStream` takes as its option `fs`. */
export interface TransferFileSystem {
  open(path: string, flags: string, mode: number, callback: OpenCallback): void;
  read(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: ReadCallback,
  ): void;
  close(fd: number, callback: (error: Error | null) => void): void;
}

/** One byte source on its way into one response. */
export interface Transfer {
  readonly fs: TransferFileSystem;
  /** How much a stream is to ask for at a time; it gets more when the response has pooled buffers. */
  readonly chunkBytes: number;
}

/**
 * fs.ReadStream (Node 24) allocates what it asks for at every read, also when `fs.read` answers with memory of
 * its own: megabytes of it make the garbage collector cost more than the transfer. It takes more bytes than it
 * asked for, so it asks for little.
 */
const POOLED_ASK_BYTES = 4 * 1024;
/** Stands where a stream expects a file descriptor; nothing is read by it. */
const NO_FILE = -1;

/**
 * Ties a byte source to a response. Streams made with the returned `fs` read that very source, whatever path
 * they are given; every piece is read in full, or the stream fails when a file was changed in place. The source
 * is closed, and buffers are given back, once the response is closed and no read is on its way.
 *
 * The pieces alternate between two pooled buffers: the second is filled while the first goes out. A buffer is
 * filled again only when the response has nothing left to flush; should it have, the piece goes into memory of
 * its own.
 *
 * @param name of what is sent, for the log
 */
export function beginTransfer(
  source: ByteSource,
  name: string,
  response: ServerResponse,
  memory: MemoryShare,
): Transfer {
  const { pair } = memory;
  const reader = createSourceReader(source);
  let pieces = 0;
  let isReading = false;
  let isClosed = false;
  let isReleased = false;

  function releaseWhenUnused(): void {
    if (!isClosed || isReading || isReleased) return;
    isReleased = true;
    source.close();
    memory.giveBack();
  }

  response.once('close', () => {
    isClosed = true;
    source.abandon();
    releaseWhenUnused();
  });

  /** Where the body ends in the source: who sends has set its length by the time of the first read. */
  let endPosition: number | undefined;

  function memoryFor(plain: Buffer): Buffer {
    if (pair === undefined) return plain;
    const buffer = pair[pieces % 2 === 0 ? 0 : 1];
    const isFlushed = pieces < 2 || response.writableLength === 0;
    pieces += 1;
    return isFlushed ? buffer : plain;
  }

  const fs: TransferFileSystem = {
    open(_path, _flags, _mode, callback) {
      process.nextTick(callback, isClosed ? new Error('the response is closed') : null, NO_FILE);
    },
    read(_fd, plain, _offset, length, position, callback) {
      endPosition ??= position + Number(response.getHeader('Content-Length') ?? length);
      const restBytes = Math.min(endPosition, source.sizeBytes) - position;
      if (isClosed || restBytes <= 0) {
        process.nextTick(callback, isClosed ? new Error('the response is closed') : null, 0, plain);
        return;
      }
      const piece = memoryFor(plain).subarray(0, restBytes);
      isReading = true;
      reader.fill(piece, position, (error) => {
        isReading = false;
        try {
          callback(
            error instanceof SourceChangedError ? new FileChangedError(name) : error,
            piece.length,
            piece,
          );
        } finally {
          releaseWhenUnused();
        }
      });
    },
    close(_fd, callback) {
      process.nextTick(callback, null);
    },
  };

  return { fs, chunkBytes: pair === undefined ? memory.chunkBytes : POOLED_ASK_BYTES };
}
