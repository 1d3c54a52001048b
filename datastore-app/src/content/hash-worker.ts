// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { isSameVersion, versionOf } from './file-version.ts';
import type { HashOutcome, HashProgress, HashRequest } from './hasher.ts';

/** The part of the WebAssembly API that is used; its own types come with those of a browser only. */
declare const WebAssembly: {
  Memory: new (descriptor: { initial: number }) => { readonly buffer: ArrayBuffer };
};

/** A thread that reads files and answers with their digests. One request at a time. */

const BUFFER_BYTES = 1024 * 1024;
const WASM_PAGE_BYTES = 64 * 1024;
const PROGRESS_BYTES = 32 * 1024 * 1024;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Starts on a page, which O_DIRECT needs and no Buffer promises. */
const buffer = Buffer.from(new WebAssembly.Memory({ initial: BUFFER_BYTES / WASM_PAGE_BYTES }).buffer);
const clock = new Int32Array(new SharedArrayBuffer(4));

/** Opens a file past the cache if that is wanted, and possible on its file system. */
function openFile(file: string, isDirect: boolean): number {
  if (!isDirect) return openSync(file, OPEN_FLAGS);
  try {
    return openSync(file, OPEN_FLAGS | constants.O_DIRECT);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EINVAL')
      return openSync(file, OPEN_FLAGS);
    throw error;
  }
}

function hashFile(
  { file, version: expected, algorithm, extent, reading }: HashRequest,
  report: (hashedBytes: number) => void,
): HashOutcome {
  // O_DIRECT reads whole blocks alone, in which a part rarely begins.
  const fd = openFile(file, reading.isDirect && extent === undefined);
  try {
    const isUnchanged = () => isSameVersion(versionOf(fstatSync(fd, { bigint: true })), expected);
    if (!isUnchanged()) return { kind: 'changed' };
    const hash = createHash(algorithm);
    const startedMs = performance.now();
    let hashedBytes = 0;
    let reportedBytes = 0;
    const read = () => {
      if (extent === undefined) return readSync(fd, buffer);
      const wanted = Math.min(buffer.length, extent.sizeBytes - hashedBytes);
      return readSync(fd, buffer, 0, wanted, extent.offset + hashedBytes);
    };
    for (let count = read(); count > 0; count = read()) {
      hash.update(buffer.subarray(0, count));
      hashedBytes += count;
      // Also removed or replaced: to read it to its end would hold its space, and those that wait.
      if (hashedBytes > expected.sizeBytes || !isUnchanged()) return { kind: 'changed' };
      if (hashedBytes - reportedBytes >= PROGRESS_BYTES) {
        reportedBytes = hashedBytes;
        report(hashedBytes);
      }
      if (reading.bytesPerSecond !== undefined) {
        const dueMs = startedMs + (hashedBytes / reading.bytesPerSecond) * 1000;
        Atomics.wait(clock, 0, 0, Math.max(0, dueMs - performance.now()));
      }
    }
    const isWhole = extent === undefined || hashedBytes === extent.sizeBytes;
    return isWhole && isUnchanged() ? { kind: 'hashed', hex: hash.digest('hex') } : { kind: 'changed' };
  } finally {
    closeSync(fd);
  }
}

const port = parentPort;
port?.on('message', (request: HashRequest) => {
  let outcome: HashOutcome;
  try {
    outcome = hashFile(request, (hashedBytes) => {
      port.postMessage({ kind: 'progress', hashedBytes } satisfies HashProgress);
    });
  } catch (error) {
    outcome = { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(outcome);
});
