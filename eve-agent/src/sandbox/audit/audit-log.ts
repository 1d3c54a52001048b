// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { AuditSink } from './audit-entry.ts';
import { type AuditFact, type ChainPlace, factOf } from './audit-line.ts';
import { type AuditWriterOptions, createAuditWriter } from './audit-writer.ts';

export interface AuditLog extends AuditSink {
  /** Of the last line that is on the disk; its number is 0 before there is one. */
  head(): ChainPlace;
  /** Entries that had no place in the queue since the log was opened. */
  dropped(): number;
  /** What was appended before is on the disk when this is fulfilled, or could not be written just now. Never rejects. */
  flush(): Promise<void>;
  /** {@link flush}, and nothing after it. */
  close(): Promise<void>;
}

export interface AuditLogDeps {
  readonly clock: Clock;
  readonly log: Log;
}

export interface AuditLogOptions extends Partial<Omit<AuditWriterOptions, 'folder' | 'boot' | 'now'>> {
  /** {@link auditFolderOf}; made when it is missing. */
  readonly folder: string;
  /** The host's boot (random(4), boot_id). */
  readonly boot: string;
  /** The date, which the clock does not know. */
  readonly now?: () => Date;
  /** Entries that wait for the disk; more are counted instead. */
  readonly maxWaiting?: number;
}

const DEFAULTS = { maxFileBytes: 8 * 1024 * 1024, maxFiles: 8, maxWaiting: 4096 };
/** What happens within it is synced together. */
const GATHER_MS = 100;
/** After a failure, such as a disk that is full. */
const RETRY_MS = 2000;
/** So many are hashed in one go. */
const BATCH_LINES = 256;

/**
 * Opens the log that tells who did what to which key: lines that are chained by hashes, in files below one folder.
 * Whoever appends never waits: what cannot be written waits in a queue, what finds no place there is counted, and a
 * line says how many once there is place again.
 *
 * @returns when the log was opened once; where that fails it is tried again and again
 */
export async function openAuditLog(
  { clock, log }: AuditLogDeps,
  options: AuditLogOptions,
): Promise<AuditLog> {
  const now = options.now ?? (() => new Date());
  const { maxWaiting, ...settings } = { ...DEFAULTS, ...options, now };
  const writer = createAuditWriter(settings);
  let queue: AuditFact[] = [];
  let droppedInAll = 0;
  /** Of those, what no line has told yet. */
  let untold = 0;
  let isFailing = false;
  let isClosed = false;
  let cancelTimer: (() => void) | null = null;
  /** Batches are written one after another. */
  let writing: Promise<void> = Promise.resolve();

  const droppedFact = (count: number) =>
    factOf(
      { actor: 'audit', op: 'drop', path: '', verdict: `dropped: ${count} entries found no place` },
      now(),
    );

  function tellFailure(error: unknown): void {
    if (!isFailing)
      log.error({ folder: options.folder, error: errorMessage(error) }, 'the audit log cannot be written');
    isFailing = true;
  }

  function tellRecovery(): void {
    if (isFailing) log.info({ folder: options.folder }, 'the audit log is written again');
    isFailing = false;
  }

  /** @returns whether it was written, all of it */
  async function writeBatch(facts: readonly AuditFact[]): Promise<boolean> {
    try {
      const headError = await writer.write(facts);
      if (headError === null) tellRecovery();
      else tellFailure(headError);
      return true;
    } catch (error) {
      tellFailure(error);
      return false;
    }
  }

  async function writeAll(): Promise<void> {
    while (queue.length > 0 || untold > 0) {
      const batch = queue.slice(0, BATCH_LINES);
      // Behind all that was in the queue when there was no place.
      const told = batch.length === queue.length ? untold : 0;
      if (!(await writeBatch(told === 0 ? batch : [...batch, droppedFact(told)]))) {
        schedule(RETRY_MS);
        return;
      }
      queue = queue.slice(batch.length);
      untold -= told;
    }
  }

  function writeSoon(): Promise<void> {
    cancelTimer?.();
    cancelTimer = null;
    writing = writing.then(writeAll);
    return writing;
  }

  function schedule(delayMs: number): void {
    if (cancelTimer !== null || isClosed) return;
    cancelTimer = clock.after(delayMs, () => void writeSoon());
  }

  // Opened with nothing to say but that it is.
  if (!(await writeBatch([]))) schedule(RETRY_MS);
  return {
    append(entry) {
      if (isClosed || queue.length >= maxWaiting) {
        droppedInAll += 1;
        untold += 1;
      } else {
        queue.push(factOf(entry, now()));
      }
      schedule(GATHER_MS);
    },
    head: writer.place,
    dropped: () => droppedInAll,
    flush: writeSoon,
    async close() {
      if (isClosed) return writing;
      isClosed = true;
      await writeSoon();
      await writer.close();
    },
  };
}
