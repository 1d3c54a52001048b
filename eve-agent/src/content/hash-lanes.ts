// SPDX-License-Identifier: Apache-2.0
import { allocateSharedPages } from './shared-pages.ts';
import { createStreamHasher, type StreamHasher } from './stream-hasher.ts';

/** The memory that one body is received into, and the thread that hashes it there. */
export interface HashLane {
  readonly memory: SharedArrayBuffer;
  readonly hasher: StreamHasher;
  /** Is told when the thread fails; set by whoever has the lane. */
  onError: (error: Error) => void;
}

/** Lends lanes: to start a thread costs more than to hash a small file. */
export interface HashLanes {
  take(): HashLane;
  /** Nothing of the borrower may use the memory any more. */
  give(lane: HashLane): void;
  /** Ends the threads that nobody has; others end when they are given back. */
  close(): void;
}

/** How long memory and thread are kept for the next download. */
const IDLE_MS = 5000;

/**
 * @param idleMs 0: every lane ends when it is given back
 * @param createHasher default: one with a thread of its own
 */
export function createHashLanes(
  memoryBytes: number,
  idleMs = IDLE_MS,
  createHasher: typeof createStreamHasher = createStreamHasher,
): HashLanes {
  const idle: HashLane[] = [];
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  const closeIdle = () => {
    for (const lane of idle.splice(0)) lane.hasher.close();
  };

  function create(): HashLane {
    const memory = allocateSharedPages(memoryBytes);
    const hasher = createHasher(memory, (error) => lane.onError(error));
    const lane: HashLane = { memory, hasher, onError: () => {} };
    return lane;
  }

  return {
    take: () => idle.pop() ?? create(),
    give(lane) {
      lane.onError = () => {};
      if (isClosed || idleMs === 0) {
        lane.hasher.close();
        return;
      }
      // When it answers, the thread is through with all that it was asked before.
      lane.hasher.reset().then(
        () => {
          if (isClosed) lane.hasher.close();
          else idle.push(lane);
          clearTimeout(timer);
          timer = setTimeout(closeIdle, idleMs).unref();
        },
        () => lane.hasher.close(),
      );
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      closeIdle();
    },
  };
}
