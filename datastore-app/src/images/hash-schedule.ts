// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import type { FileVersion } from '../content/file-version.ts';
import type { Hasher } from '../content/hasher.ts';
import type { Entry } from './catalogue-entry.ts';
import type { EntryTable } from './entry-table.ts';
import { createHashQueue } from './hash-queue.ts';
import type { ImageIndex } from './image-index.ts';
import { isComplete } from './settling.ts';
import type { Writers } from './writers.ts';

export interface HashScheduleDeps {
  readonly log: Log;
  readonly hasher: Hasher;
  readonly index: Pick<ImageIndex, 'set' | 'describe' | 'setVerified' | 'soundDigestOf'>;
  readonly table: EntryTable;
  /** The absolute path of an image. */
  fileOf(path: string): string;
  /** From createWriterSearch. */
  findWriters(files: readonly FileVersion[]): Promise<Writers | undefined>;
  /** Stores what is known. Never rejects. */
  save(): Promise<void>;
  readonly now: () => number;
  /** In milliseconds, of a clock that only goes forward. */
  readonly elapsed: () => number;
}

/** Decides which files are complete, and has them hashed. */
export interface HashSchedule {
  /** To be called after each look; hashing goes on behind it, and does not delay the next one. */
  advance(signal: AbortSignal): Promise<void>;
  /** Settles when nothing is being hashed any more. */
  finished(): Promise<void>;
}

/** A file that could not be hashed is tried again, at first soon. */
const FIRST_RETRY_MS = 10_000;
const LONGEST_RETRY_MS = 600_000;

/** @param options.atOnce how many files are read at the same time */
export function createHashSchedule(
  deps: HashScheduleDeps,
  { atOnce }: { readonly atOnce: number },
): HashSchedule {
  const { log, hasher, index, table, now, elapsed } = deps;

  function takeDigest(path: string, entry: Entry, found: string): void {
    const { version } = entry;
    const verified = new Date(now()).toISOString();
    const sha256 = index.soundDigestOf(path, version) ?? found;
    const isCorrupt = sha256 !== found;
    table.change(path, entry, { sha256, verified, isCorrupt });
    index.set(path, version, sha256, verified);
    if (isCorrupt) index.setVerified(path, version, { verified, isCorrupt });
    index.describe(path, version, entry.detected);
    if (isCorrupt) log.error({ path, sha256 }, 'an image is still corrupt, and is not served: replace it');
    else log.info({ path, sizeBytes: version.sizeBytes, sha256 }, 'an image is ready');
  }

  async function hash(path: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const { version } = entry;
    const outcome = await hasher.hash(deps.fileOf(path), version, {
      onProgress: (hashedBytes) => table.change(path, entry, { hashedBytes }),
    });
    if (signal.aborted) return;
    if (outcome.kind === 'failed') {
      entry.failures += 1;
      const retryMs = Math.min(FIRST_RETRY_MS * 2 ** (entry.failures - 1), LONGEST_RETRY_MS);
      entry.retryAtMs = now() + retryMs;
      log.error({ path, reason: outcome.reason, retryMs }, 'an image could not be hashed');
    } else if (outcome.kind === 'hashed' && table.entries.get(path) === entry) {
      takeDigest(path, entry, outcome.hex);
    }
  }

  const queue = createHashQueue(
    {
      // Replaced or removed while it waited, or its digest came by another way.
      isDue: ([path, entry]) => table.unhashed.get(path) === entry,
      hash: ([path, entry], signal) => hash(path, entry, signal),
      save: deps.save,
      elapsed,
    },
    { atOnce },
  );

  /** Finds out which files are complete. */
  async function judgeGrowing(): Promise<void> {
    const growing = [...table.unhashed].filter(([, { isSettled }]) => !isSettled);
    const writers = growing.length > 0 && (await deps.findWriters(growing.map(([, { version }]) => version)));
    if (!writers) return;
    const clocks = { elapsedMs: elapsed(), nowMs: now() };
    for (const [path, entry] of growing) {
      const writer = writers.of(entry.version);
      if (writer === 'open') entry.growth = { ...entry.growth, hadWriter: true };
      if (!isComplete(entry.version, entry.growth, writer, clocks)) continue;
      table.change(path, entry, { isSettled: true });
    }
  }

  return {
    async advance(signal) {
      await judgeGrowing();
      if (signal.aborted) return;
      const due = [...table.unhashed].filter(
        ([, { isSettled, retryAtMs }]) => isSettled && now() >= retryAtMs,
      );
      queue.refill(due, signal);
    },
    finished: queue.finished,
  };
}
