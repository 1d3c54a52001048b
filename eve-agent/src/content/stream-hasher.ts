// SPDX-License-Identifier: Apache-2.0
import { Worker } from 'node:worker_threads';
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import { workerUrl } from '@local-datastore/shared/worker-url';

export type HashRequest =
  | { readonly kind: 'reset'; readonly algorithm: OciAlgorithm }
  | { readonly kind: 'file'; readonly path: string; readonly lengthBytes: number }
  | { readonly kind: 'memory'; readonly id: number; readonly offset: number; readonly lengthBytes: number }
  | { readonly kind: 'digest' };

export type HashReply =
  | { readonly kind: 'hashed'; readonly id: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'digest'; readonly hex: string };

/** A digest over a stream, computed on a second thread that shares the stream's memory. */
export interface StreamHasher {
  /** Starts again from nothing, by sha256 unless another algorithm is named. Resolves when what was asked before is done with, the reading of a file too. */
  reset(algorithm?: OciAlgorithm): Promise<void>;
  /** Takes in the first bytes of a file. */
  updateFromFile(path: string, lengthBytes: number): void;
  /** Takes in a piece of the shared memory, which must not change before `onHashed`. */
  updateFromMemory(offset: number, lengthBytes: number, onHashed: () => void): void;
  /** The digest of all that was taken in, as hexadecimal digits. */
  digest(): Promise<string>;
  close(): void;
}

/**
 * @param memory what the stream is received into
 * @param onError is told when the thread fails, for example because the prefix cannot be read
 */
export function createStreamHasher(memory: SharedArrayBuffer, onError: (error: Error) => void): StreamHasher {
  const worker = new Worker(workerUrl('stream-hash-worker', import.meta.url), { workerData: memory });
  const waiting = new Map<number, () => void>();
  let nextId = 0;
  let digestWaiter: PromiseWithResolvers<string> | undefined;
  let resetWaiter: PromiseWithResolvers<void> | undefined;
  let failure: Error | undefined;

  worker.on('error', (error) => {
    failure = error as Error;
    digestWaiter?.reject(failure);
    resetWaiter?.reject(failure);
    onError(failure);
  });
  worker.on('message', (reply: HashReply) => {
    if (reply.kind === 'digest') {
      digestWaiter?.resolve(reply.hex);
      return;
    }
    if (reply.kind === 'reset') {
      resetWaiter?.resolve();
      return;
    }
    const onHashed = waiting.get(reply.id);
    waiting.delete(reply.id);
    onHashed?.();
  });
  const post = (request: HashRequest) => worker.postMessage(request);

  return {
    reset(algorithm = 'sha256') {
      if (failure !== undefined) return Promise.reject(failure);
      resetWaiter = Promise.withResolvers();
      post({ kind: 'reset', algorithm });
      return resetWaiter.promise;
    },
    updateFromFile: (path, lengthBytes) => post({ kind: 'file', path, lengthBytes }),
    updateFromMemory(offset, lengthBytes, onHashed) {
      const id = nextId++;
      waiting.set(id, onHashed);
      post({ kind: 'memory', id, offset, lengthBytes });
    },
    digest() {
      if (failure !== undefined) return Promise.reject(failure);
      digestWaiter = Promise.withResolvers();
      post({ kind: 'digest' });
      return digestWaiter.promise;
    },
    close: () => void worker.terminate(),
  };
}
