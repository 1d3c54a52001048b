// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { asciiJson } from '@local-datastore/shared/text/json-text';
import { type ChangeLine, lineOf } from './change.ts';
import type { LineFiles } from './line-files.ts';

/** Writes down what happened; whoever tells it never waits. */
export interface ChangeWriter {
  add(line: ChangeLine): void;
  /** What was added before is on the disk when this is fulfilled, or could not be written just now. Never rejects. */
  flush(): Promise<void>;
  /** {@link flush}, and nothing after it. */
  close(): Promise<void>;
}

export interface ChangeWriterDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly files: Pick<LineFiles, 'append'>;
  readonly now: () => Date;
}

/** Lines that wait for the disk; more are counted instead. */
const MAX_WAITING = 1000;
/** After a failure, such as a disk that is full. */
const RETRY_MS = 5000;

/**
 * A queue before the files: a disk that is full, or cannot be written to, keeps no change from being made. The log says
 * so once, and a line says how many changes found no place once there is place again.
 */
export function createChangeWriter({ log, clock, files, now }: ChangeWriterDeps): ChangeWriter {
  let waiting: ChangeLine[] = [];
  let lost = 0;
  let isFailing = false;
  let isClosed = false;
  let cancelRetry: (() => void) | undefined;
  let writing: Promise<void> = Promise.resolve();
  let queued: Promise<void> | undefined;

  const lostLine = (count: number): ChangeLine =>
    lineOf({ action: 'lost', by: 'datastore', client: null, via: 'datastore', count }, now());

  async function write(): Promise<void> {
    cancelRetry?.();
    cancelRetry = undefined;
    if (waiting.length === 0 && lost === 0) return;
    const told = lost;
    // More may come to wait meanwhile.
    const count = waiting.length;
    const lines = [...waiting, ...(told === 0 ? [] : [lostLine(told)])];
    let written = 0;
    try {
      await files.append(lines.map(asciiJson), () => {
        written += 1;
      });
      if (isFailing) log.info({}, 'changes are written down again');
      isFailing = false;
    } catch (error) {
      if (!isFailing) log.error({ reason: errorMessage(error) }, 'changes cannot be written down');
      isFailing = true;
      if (!isClosed) cancelRetry = clock.after(RETRY_MS, () => void flush());
    } finally {
      if (written === lines.length) lost -= told;
      waiting = waiting.slice(Math.min(written, count));
    }
  }

  function flush(): Promise<void> {
    // One that has not begun yet takes along what comes now.
    if (queued === undefined) {
      queued = writing.then(() => {
        queued = undefined;
        return write();
      });
      writing = queued;
    }
    return queued;
  }

  return {
    add(line) {
      if (waiting.length >= MAX_WAITING || isClosed) lost += 1;
      else waiting.push(line);
      if (!isFailing && !isClosed) void flush();
    },
    flush,
    async close() {
      isClosed = true;
      cancelRetry?.();
      await flush();
    },
  };
}
