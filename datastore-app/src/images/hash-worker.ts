import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { HashJob, HashReport } from './hasher.ts';

const READ_BYTES = 1024 * 1024;
const REPORT_EVERY_BYTES = 64 * 1024 * 1024;

const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
const report = (message: HashReport) => parentPort?.postMessage(message);

function hashFile({ id, file }: HashJob): void {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    let hashedBytes = 0;
    let reportedBytes = 0;
    for (;;) {
      const byteCount = readSync(fd, buffer, 0, READ_BYTES, hashedBytes);
      if (byteCount === 0) break;
      hash.update(buffer.subarray(0, byteCount));
      hashedBytes += byteCount;
      if (hashedBytes - reportedBytes >= REPORT_EVERY_BYTES) {
        reportedBytes = hashedBytes;
        report({ kind: 'progress', id, hashedBytes });
      }
    }
    report({ kind: 'done', id, sha256: hash.digest('hex'), hashedBytes });
  } finally {
    closeSync(fd);
  }
}

parentPort?.on('message', (job: HashJob) => {
  try {
    hashFile(job);
  } catch (error) {
    report({ kind: 'failed', id: job.id, message: error instanceof Error ? error.message : String(error) });
  }
});
