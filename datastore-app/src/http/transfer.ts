import { closeSync, read as readFile } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { followContent } from '../content/follow-content.ts';
import type { OpenImage } from '../images/open-image.ts';
import type { MemoryShare } from './transfer-memory.ts';

/** What a read of a file that was changed in place ends with. */
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

/** One open image on its way into one response. */
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

/**
 * Ties an open image to a response. Streams made with the returned `fs` read that very file, whatever now
 * stands at its path; every piece is read in full, or the stream fails when the file was changed in place.
 * File descriptor and buffers are given back once the response is closed and no read is on its way.
 *
 * The pieces alternate between two pooled buffers: the second is filled while the first goes out. A buffer is
 * filled again only when the response has nothing left to flush; should it have, the piece goes into memory of
 * its own.
 */
export function beginTransfer(image: OpenImage, response: ServerResponse, memory: MemoryShare): Transfer {
  const { fd, version } = image;
  const { pair } = memory;
  const isUnchanged = followContent(image);
  let pieces = 0;
  let isReading = false;
  let isClosed = false;
  let isReleased = false;

  function releaseWhenUnused(): void {
    if (!isClosed || isReading || isReleased) return;
    isReleased = true;
    closeSync(fd);
    memory.giveBack();
  }

  response.once('close', () => {
    isClosed = true;
    releaseWhenUnused();
  });

  /** Where the body ends in the file: serve-static has set its length by the time of the first read. */
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
      process.nextTick(callback, isClosed ? new Error('the response is closed') : null, fd);
    },
    read(_fd, plain, _offset, length, position, callback) {
      endPosition ??= position + Number(response.getHeader('Content-Length') ?? length);
      const restBytes = Math.min(endPosition, version.sizeBytes) - position;
      if (isClosed || restBytes <= 0) {
        process.nextTick(callback, isClosed ? new Error('the response is closed') : null, 0, plain);
        return;
      }
      const piece = memoryFor(plain).subarray(0, restBytes);
      const wanted = piece.length;
      isReading = true;
      const finish: ReadCallback = (error) => {
        isReading = false;
        try {
          callback(error, wanted, piece);
        } finally {
          releaseWhenUnused();
        }
      };
      const readFrom = (filled: number): void => {
        readFile(fd, piece, filled, wanted - filled, position + filled, (error, bytesRead) => {
          if (error !== null) finish(error);
          // Also the end of file: the file became shorter.
          else if (bytesRead === 0 || !isUnchanged()) finish(new FileChangedError(image.path));
          else if (filled + bytesRead < wanted) readFrom(filled + bytesRead);
          else finish(null);
        });
      };
      readFrom(0);
    },
    close(_fd, callback) {
      process.nextTick(callback, null);
    },
  };

  return { fs, chunkBytes: pair === undefined ? memory.chunkBytes : POOLED_ASK_BYTES };
}
