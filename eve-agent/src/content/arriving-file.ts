// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open } from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { ContentError } from '../transfer/errors.ts';
import type { ArrivalObserver } from './file-target.ts';
import { partialPaths } from './partial-file.ts';

/** Withheld until the digest is right: nobody ever has all of a file that is wrong. */
export const WITHHELD_BYTES = 64 * 1024;
const PIECE_BYTES = 512 * 1024;

/** A file that is read by any number while a download brings it; those who read have no part in its fate. */
export interface ArrivingFile extends ArrivalObserver {
  /** All of it is right, and has its name. */
  onVerified(): void;
  /** Nothing more comes. What waits for it is given this error. */
  onFailed(error: Error): void;
  /**
   * The bytes from `first` to `last`, as they come; the last ones of the file once all of it is right.
   *
   * @throws the error of `onFailed`; ContentError where what has been given turns out to be no good; the system's errors
   */
  read(first: number, last: number): AsyncGenerator<Buffer>;
}

/** What had come was thrown away: another file stands in its place. */
class Replaced extends Error {}

const noGood = () =>
  new ContentError('DIGEST_MISMATCH', 'what had come was no good, and is fetched once more: ask again');

/** @param sizeBytes of all of it, as it is expected */
export function createArrivingFile(path: string, sizeBytes: number): ArrivingFile {
  const wakes = new Set<() => void>();
  let storedBytes = 0;
  let generation = 0;
  let isVerified = false;
  let failure: Error | undefined;

  const readableBytes = () => (isVerified ? sizeBytes : Math.min(storedBytes, sizeBytes - WITHHELD_BYTES));
  const wakeAll = () => {
    for (const wake of [...wakes]) wake();
  };

  /** Waits until there is something to read at a position. @returns up to where */
  async function readableFrom(position: number, of: number): Promise<number> {
    for (;;) {
      if (generation !== of) throw new Replaced();
      if (readableBytes() > position) return readableBytes();
      if (failure !== undefined) throw failure;
      await new Promise<void>((resolve) => {
        const wake = () => {
          wakes.delete(wake);
          resolve();
        };
        wakes.add(wake);
      });
    }
  }

  /** It has its name from one moment to the next. */
  async function openIt(): Promise<FileHandle> {
    try {
      return await open(partialPaths(path).file);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      return await open(path);
    }
  }

  async function* readOnce(first: number, last: number, of: number): AsyncGenerator<Buffer> {
    await readableFrom(first, of);
    const file = await openIt();
    try {
      for (let position = first; position <= last; ) {
        const end = Math.min(await readableFrom(position, of), last + 1, position + PIECE_BYTES);
        const piece = Buffer.allocUnsafe(end - position);
        const { bytesRead } = await file.read(piece, 0, piece.length, position);
        if (bytesRead === 0 || generation !== of) throw new Replaced();
        position += bytesRead;
        yield piece.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  return {
    onStored(bytes) {
      storedBytes = bytes;
      wakeAll();
    },
    onEmptied() {
      storedBytes = 0;
      generation += 1;
      wakeAll();
    },
    onVerified() {
      isVerified = true;
      wakeAll();
    },
    onFailed(error) {
      failure = error;
      wakeAll();
    },
    async *read(first, last) {
      for (let hasGiven = false; ; ) {
        const of = generation;
        try {
          for await (const piece of readOnce(first, last, of)) {
            hasGiven = true;
            yield piece;
          }
          return;
        } catch (error) {
          if (!(error instanceof Replaced)) throw error;
          // Who has nothing yet loses nothing.
          if (hasGiven || generation === of) throw noGood();
        }
      }
    },
  };
}
