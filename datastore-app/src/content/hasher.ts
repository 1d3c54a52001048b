// SPDX-License-Identifier: Apache-2.0
import { Worker } from 'node:worker_threads';
import type { DigestAlgorithm } from '@local-datastore/shared/digest/digest';
import { workerUrl } from '@local-datastore/shared/worker-url';
import type { FileVersion } from './file-version.ts';

export interface HashRequest {
  readonly file: string;
  readonly version: FileVersion;
  readonly algorithm: DigestAlgorithm;
  /** undefined: the whole file. */
  readonly extent: Extent | undefined;
  readonly reading: Reading;
}

/** Some of the bytes of a file. */
export interface Extent {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** How files are read. */
export interface Reading {
  /** Past the kernel's cache, where the file system can: what is read is what the disk holds. */
  readonly isDirect: boolean;
  /** At most; undefined: as fast as it goes. */
  readonly bytesPerSecond: number | undefined;
}

export interface HashProgress {
  readonly kind: 'progress';
  readonly hashedBytes: number;
}

export type HashOutcome =
  /** In lower case. */
  | { readonly kind: 'hashed'; readonly hex: string }
  /** The file is not, or no longer, the version that was asked for. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'failed'; readonly reason: string };

export interface HashOptions {
  /** sha256 unless said. */
  readonly algorithm?: DigestAlgorithm;
  /** A part of the file, which must lie within it. */
  readonly extent?: Extent;
  /** Hears of the bytes hashed so far. */
  readonly onProgress?: (hashedBytes: number) => void;
}

/** Computes digests off the main thread, one file after another. */
export interface Hasher {
  /** The digest of exactly this version of a file. Never rejects. */
  hash(file: string, version: FileVersion, options?: HashOptions): Promise<HashOutcome>;
  /** Ends the thread; what is under way or waiting fails. Idempotent. */
  stop(): Promise<void>;
}

/** A thread costs some 10 MB: without work it ends. */
const IDLE_MS = 5_000;
const USUAL_READING: Reading = { isDirect: false, bytesPerSecond: undefined };

interface Job {
  readonly request: HashRequest;
  readonly onProgress: ((hashedBytes: number) => void) | undefined;
  readonly settle: (outcome: HashOutcome) => void;
}

/** A hasher with one worker thread, which exists while there is work. */
export function createHasher({
  idleMs = IDLE_MS,
  reading = USUAL_READING,
}: {
  idleMs?: number;
  reading?: Reading;
} = {}): Hasher {
  const waiting: Job[] = [];
  let current: Job | undefined;
  let worker: Worker | undefined;
  let idleTimer: NodeJS.Timeout | undefined;
  let isStopped = false;

  function finish(outcome: HashOutcome): void {
    const job = current;
    current = undefined;
    job?.settle(outcome);
    next();
  }

  function startWorker(): Worker {
    const started = new Worker(workerUrl('hash-worker', import.meta.url));
    started.on('message', (message: HashProgress | HashOutcome) => {
      if (message.kind === 'progress') current?.onProgress?.(message.hashedBytes);
      else finish(message);
    });
    const abandon = (reason: string) => {
      // A worker that was dismissed has no say in what its successor does.
      if (worker !== started) return;
      worker = undefined;
      finish({ kind: 'failed', reason });
    };
    started.on('error', (error) => abandon(`the hashing thread failed: ${String(error)}`));
    started.on('exit', () => abandon('the hashing thread ended'));
    return started;
  }

  async function dismissWorker(): Promise<void> {
    const dismissed = worker;
    worker = undefined;
    await dismissed?.terminate();
  }

  function next(): void {
    if (current !== undefined) return;
    current = waiting.shift();
    if (current === undefined) {
      if (!isStopped) idleTimer = setTimeout(() => void dismissWorker(), idleMs).unref();
      return;
    }
    if (isStopped) {
      finish({ kind: 'failed', reason: 'the hasher was stopped' });
      return;
    }
    clearTimeout(idleTimer);
    worker ??= startWorker();
    worker.postMessage(current.request);
  }

  return {
    hash(file, version, { algorithm = 'sha256', extent, onProgress } = {}) {
      return new Promise((settle) => {
        waiting.push({ request: { file, version, algorithm, extent, reading }, onProgress, settle });
        next();
      });
    },
    async stop() {
      isStopped = true;
      clearTimeout(idleTimer);
      await dismissWorker();
      if (current !== undefined) finish({ kind: 'failed', reason: 'the hasher was stopped' });
    },
  };
}

/** A hasher with several worker threads, of which those exist that have work. */
export function createHasherGroup(count: number): Hasher {
  const members = Array.from({ length: count }, () => ({ hasher: createHasher(), jobs: 0 }));
  return {
    async hash(...request) {
      const member = members.reduce((best, each) => (each.jobs < best.jobs ? each : best));
      member.jobs += 1;
      try {
        return await member.hasher.hash(...request);
      } finally {
        member.jobs -= 1;
      }
    },
    async stop() {
      await Promise.all(members.map(({ hasher }) => hasher.stop()));
    },
  };
}
