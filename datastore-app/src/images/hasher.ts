import { Worker } from 'node:worker_threads';
import { workerUrl } from '@local-datastore/shared/worker-url';
import type { FileVersion } from './file-version.ts';

export interface HashRequest {
  readonly file: string;
  readonly version: FileVersion;
}

export interface HashProgress {
  readonly kind: 'progress';
  readonly hashedBytes: number;
}

export type HashOutcome =
  | { readonly kind: 'hashed'; readonly sha256: string }
  /** The file is not, or no longer, the version that was asked for. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Computes digests off the main thread, one file after another. */
export interface Hasher {
  /**
   * The sha256 of exactly this version of a file. Never rejects.
   *
   * @param onProgress hears of the bytes hashed so far
   */
  hash(file: string, version: FileVersion, onProgress?: (hashedBytes: number) => void): Promise<HashOutcome>;
  /** Ends the thread; what is under way or waiting fails. Idempotent. */
  stop(): Promise<void>;
}

/** A thread costs some 10 MB: without work it ends. */
const IDLE_MS = 5_000;

/** A hasher with one worker thread, which exists while there is work. */
export function createHasher({ idleMs = IDLE_MS }: { idleMs?: number } = {}): Hasher {
  let worker: Worker | undefined;
  let idleTimer: NodeJS.Timeout | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  let pending = 0;
  let isStopped = false;

  async function dismissWorker(): Promise<void> {
    const dismissed = worker;
    worker = undefined;
    await dismissed?.terminate();
  }

  function runInWorker(
    request: HashRequest,
    onProgress?: (hashedBytes: number) => void,
  ): Promise<HashOutcome> {
    if (isStopped) return Promise.resolve({ kind: 'failed', reason: 'the hasher was stopped' });
    worker ??= new Worker(workerUrl('hash-worker', import.meta.url));
    const running = worker;
    return new Promise((resolve) => {
      const settle = (outcome: HashOutcome) => {
        running.removeAllListeners();
        resolve(outcome);
      };
      running.on('message', (message: HashProgress | HashOutcome) => {
        if (message.kind === 'progress') onProgress?.(message.hashedBytes);
        else settle(message);
      });
      const abandon = (reason: string) => {
        if (worker === running) worker = undefined;
        settle({ kind: 'failed', reason });
      };
      running.on('error', (error) => abandon(`the hashing thread failed: ${String(error)}`));
      running.on('exit', () => abandon('the hashing thread ended'));
      running.postMessage(request);
    });
  }

  return {
    hash(file, version, onProgress) {
      clearTimeout(idleTimer);
      pending += 1;
      const outcome = queue.then(() => runInWorker({ file, version }, onProgress));
      queue = outcome.then(() => {
        pending -= 1;
        if (pending === 0 && !isStopped) idleTimer = setTimeout(() => void dismissWorker(), idleMs).unref();
      });
      return outcome;
    },
    async stop() {
      isStopped = true;
      clearTimeout(idleTimer);
      await dismissWorker();
    },
  };
}
