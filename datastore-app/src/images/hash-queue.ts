// SPDX-License-Identifier: Apache-2.0
import type { Entry } from './catalogue-entry.ts';

/** A file that is to be hashed. */
export type Due = readonly [path: string, entry: Entry];

export interface HashQueueDeps {
  /** Whether it is still to be hashed: it may have been replaced or removed while it waited. */
  isDue(due: Due): boolean;
  /** Never rejects. */
  hash(due: Due, signal: AbortSignal): Promise<void>;
  /** Stores what is known. Never rejects. */
  save(): Promise<void>;
  readonly elapsed: () => number;
}

/** Hashes files: small ones first, so that none waits for a large one before it. */
export interface HashQueue {
  /** Takes over what is to be hashed by now. */
  refill(files: readonly Due[], signal: AbortSignal): void;
  /** Settles when nothing is being hashed any more. */
  finished(): Promise<void>;
}

/** The index is written at most this often while many files are hashed, so that a power cut costs little. */
const SAVE_INTERVAL_MS = 2000;

/** @param options.atOnce how many files are read at the same time */
export function createHashQueue(deps: HashQueueDeps, { atOnce }: { readonly atOnce: number }): HashQueue {
  let waiting: readonly Due[] = [];
  let position = 0;
  const running = new Map<Entry, Promise<void>>();
  let savedMs = Number.NEGATIVE_INFINITY;

  /** The next one, without taking it. */
  function peek(): Due | undefined {
    for (; position < waiting.length; position += 1) {
      const due = waiting[position];
      if (due !== undefined && !running.has(due[1]) && deps.isDue(due)) return due;
    }
    return undefined;
  }

  async function hash(due: Due, signal: AbortSignal): Promise<void> {
    await deps.hash(due, signal);
    const isLast = running.size === 1 && peek() === undefined;
    if (!isLast && !signal.aborted && deps.elapsed() - savedMs < SAVE_INTERVAL_MS) return;
    savedMs = deps.elapsed();
    await deps.save();
  }

  function fill(signal: AbortSignal): void {
    while (!signal.aborted && running.size < atOnce) {
      const due = peek();
      if (due === undefined) return;
      const hashing = hash(due, signal).finally(() => {
        running.delete(due[1]);
        fill(signal);
      });
      running.set(due[1], hashing);
    }
  }

  return {
    refill(files, signal) {
      waiting = files.toSorted(([, a], [, b]) => a.version.sizeBytes - b.version.sizeBytes);
      position = 0;
      fill(signal);
    },
    async finished() {
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}
