import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { type FileVersion, isSameVersion, versionOf } from './file-version.ts';
import type { HashOutcome, HashProgress, HashRequest } from './hasher.ts';

/** A thread that reads files and answers with their sha256. One request at a time. */

const BUFFER_BYTES = 1024 * 1024;
const PROGRESS_BYTES = 32 * 1024 * 1024;

const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

function hashFile(file: string, expected: FileVersion, report: (hashedBytes: number) => void): HashOutcome {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const isUnchanged = () => isSameVersion(versionOf(fstatSync(fd, { bigint: true })), expected);
    if (!isUnchanged()) return { kind: 'changed' };
    const hash = createHash('sha256');
    let hashedBytes = 0;
    let reportedBytes = 0;
    for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer)) {
      hash.update(buffer.subarray(0, count));
      hashedBytes += count;
      if (hashedBytes > expected.sizeBytes) return { kind: 'changed' };
      if (hashedBytes - reportedBytes >= PROGRESS_BYTES) {
        reportedBytes = hashedBytes;
        report(hashedBytes);
      }
    }
    return isUnchanged() ? { kind: 'hashed', sha256: hash.digest('hex') } : { kind: 'changed' };
  } finally {
    closeSync(fd);
  }
}

const port = parentPort;
port?.on('message', ({ file, version }: HashRequest) => {
  let outcome: HashOutcome;
  try {
    outcome = hashFile(file, version, (hashedBytes) => {
      port.postMessage({ kind: 'progress', hashedBytes } satisfies HashProgress);
    });
  } catch (error) {
    outcome = { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(outcome);
});
