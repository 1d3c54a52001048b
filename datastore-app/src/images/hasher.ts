import { Worker } from 'node:worker_threads';
import { workerUrl } from '@local-datastore/shared/worker-url';

export interface HashJob {
  readonly id: number;
  readonly file: string;
}

export type HashReport =
  | { readonly kind: 'progress'; readonly id: number; readonly hashedBytes: number }
  | { readonly kind: 'done'; readonly id: number; readonly sha256: string; readonly hashedBytes: number }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

/** Computes the sha256 of files on a second thread, one after another. */
export interface FileHasher {
  /**
   * @param onProgress how many bytes are hashed, now and then
   * @returns 64 hexadecimal digits
   * @throws Error when the file cannot be read, or the hasher was closed
   */
  hash(file: string, onProgress?: (hashedBytes: number) => void): Promise<string>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (sha256: string) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: (hashedBytes: number) => void;
}

export function createFileHasher(): FileHasher {
  const waiting = new Map<number, Waiting>();
  let nextId = 0;
  let worker: Worker | undefined;

  function failAll(error: Error): void {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function startWorker(): Worker {
    const started = new Worker(workerUrl('hash-worker', import.meta.url));
    started.unref();
    started.on('error', (error) => failAll(error as Error));
    started.on('message', (report: HashReport) => {
      const job = waiting.get(report.id);
      if (job === undefined) return;
      if (report.kind === 'progress') {
        job.onProgress(report.hashedBytes);
        return;
      }
      waiting.delete(report.id);
      if (waiting.size === 0) started.unref();
      if (report.kind === 'done') job.resolve(report.sha256);
      else job.reject(new Error(report.message));
    });
    return started;
  }

  return {
    hash(file, onProgress = () => {}) {
      worker ??= startWorker();
      worker.ref();
      const id = nextId++;
      const result = new Promise<string>((resolve, reject) =>
        waiting.set(id, { resolve, reject, onProgress }),
      );
      worker.postMessage({ id, file } satisfies HashJob);
      return result;
    },
    async close() {
      const closing = worker;
      failAll(new Error('the hasher was closed'));
      await closing?.terminate();
    },
  };
}
