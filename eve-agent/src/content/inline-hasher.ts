// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { close, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import type { StreamHasher } from './stream-hasher.ts';

const readFrom = promisify(read);
const closeFile = promisify(close);

/** What an earlier run stored is read in pieces of this size, with others' turns in between. */
const READ_BYTES = 1024 * 1024;

/**
 * A digest over a stream, computed where it is asked for: for a process that has little else to do.
 *
 * @param memory what the stream is received into
 * @param onError is told when an earlier run's part cannot be read
 */
export function createInlineHasher(memory: SharedArrayBuffer, onError: (error: Error) => void): StreamHasher {
  let algorithm: OciAlgorithm = 'sha256';
  let hash = createHash(algorithm);
  /** What is to be hashed after a file that is being read; null: none is. */
  let reading: Promise<void> | null = null;
  let failure: Error | undefined;

  async function readPrefix(file: number, path: string, lengthBytes: number): Promise<void> {
    try {
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, lengthBytes));
      for (let position = 0; position < lengthBytes; ) {
        const wanted = Math.min(buffer.length, lengthBytes - position);
        const { bytesRead } = await readFrom(file, buffer, 0, wanted, position);
        if (bytesRead === 0) throw new Error(`${path} ends at ${position}, before byte ${lengthBytes}`);
        hash.update(buffer.subarray(0, bytesRead));
        position += bytesRead;
      }
    } finally {
      await closeFile(file);
    }
  }
  /** In order: at once, or behind a file. */
  function inOrder(work: () => void): void {
    if (reading === null) work();
    else reading = reading.then(work);
  }
  async function settled(): Promise<void> {
    await reading;
    if (failure !== undefined) throw failure;
  }

  return {
    async reset(wanted = 'sha256') {
      await settled();
      reading = null;
      algorithm = wanted;
      hash = createHash(algorithm);
    },
    updateFromFile(path, lengthBytes) {
      // Now: another file may take its place while it is read.
      const file = openSync(path, 'r');
      reading = readPrefix(file, path, lengthBytes).catch((error: Error) => {
        failure = error;
        onError(error);
      });
    },
    updateFromMemory: (offset, lengthBytes, onHashed) =>
      inOrder(() => {
        hash.update(new Uint8Array(memory, offset, lengthBytes));
        onHashed();
      }),
    async digest() {
      await settled();
      const hex = hash.digest('hex');
      hash = createHash(algorithm);
      return hex;
    },
    close() {},
  };
}
