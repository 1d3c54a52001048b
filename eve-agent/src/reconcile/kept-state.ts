// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Hold } from '@local-datastore/shared/eve/content-tree-status';
import type { Log } from '@local-datastore/shared/log';
import type { JsonFile } from '../content/json-file.ts';
import type { StatusFiles } from '../content/status-files.ts';
import type { Actual } from './actual.ts';
import type { Desired } from './desired.ts';
import type { ImageResolution } from './image-resolution.ts';
import { NO_RETRIES, type RetryRecords, recallRetries, recordRetries } from './retry-records.ts';
import type { RetrySchedule } from './retry-schedule.ts';

export interface KeptStateDeps {
  readonly statusFiles: StatusFiles;
  /** By the trees' uuids. */
  readonly holdsFile: JsonFile<Record<string, Exclude<Hold, 'none'>>>;
  /** When content was last referred to, in milliseconds since the epoch, by its digest. */
  readonly lastUseFile: JsonFile<Record<string, number>>;
  readonly retriesFile: JsonFile<RetryRecords>;
  /** File names that were given to content. */
  readonly namesFile: JsonFile<readonly string[]>;
  /** What the names of images led to, by the images' keys. */
  readonly resolutionsFile: JsonFile<Record<string, ImageResolution>>;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  readonly log: Log;
}

type Part = 'holds' | 'lastUse' | 'retries' | 'names' | 'resolutions';

/** A thousand trees may fail, or get their names, within a second: that is not a thousand files. */
const INTERVAL_MS = 1000;

/** What outlives the process: beside content itself, what is known of it. */
export class KeptState {
  readonly #deps: KeptStateDeps;
  readonly #actual: Actual;
  readonly #changed = new Set<Part>();
  /** What is on the disk. */
  #retriesText = JSON.stringify(NO_RETRIES);
  #namesText = '';
  /** Of those that change often. */
  readonly #writtenAtMs = { retries: Number.NEGATIVE_INFINITY, names: Number.NEGATIVE_INFINITY };
  #isRecalled = false;
  #isFailing = false;

  constructor(deps: KeptStateDeps, actual: Actual) {
    this.#deps = deps;
    this.#actual = actual;
  }

  /**
   * Puts back what people asked for, which names are the service's own, and which images were meant.
   *
   * @returns when content was last referred to
   */
  readHolds(): Readonly<Record<string, number>> {
    const { holdsFile, lastUseFile, namesFile, resolutionsFile } = this.#deps;
    for (const [key, resolution] of Object.entries(resolutionsFile.read() ?? {}))
      this.#actual.resolutions.set(key, resolution);
    for (const name of namesFile.read() ?? []) this.#actual.givenNames.add(name);
    for (const [uuid, hold] of Object.entries(holdsFile.read() ?? {})) this.#actual.holds.set(uuid, hold);
    return lastUseFile.read() ?? {};
  }

  /** Puts back what is known of failures, once: under the first configuration. */
  recallRetries(desired: Desired, schedule: RetrySchedule): void {
    if (this.#isRecalled) return;
    this.#isRecalled = true;
    const { retriesFile, clock, wallMs } = this.#deps;
    const records = retriesFile.read();
    if (records === null) return;
    this.#retriesText = JSON.stringify(records);
    const now = { nowMs: clock.nowMs(), wallMs: wallMs() };
    recallRetries(this.#actual, desired, records, schedule, now);
  }

  /** Something is to be written at the next `save`. */
  changed(...parts: readonly Part[]): void {
    for (const part of parts) this.#changed.add(part);
  }

  /**
   * Writes what has changed. What the disk does not take now, as when it is full, is tried again at the next call.
   *
   * @param isLast whether there is no next call
   * @returns `later`: call again at that time; `failed`: some of it could not be written
   */
  save(desired: Desired, isLast = false): { readonly laterMs: number } | 'failed' | 'saved' {
    const { clock, statusFiles } = this.#deps;
    const nowMs = clock.nowMs();
    let failure = statusFiles.flush();
    let laterMs: number | null = null;
    for (const part of [...this.#changed]) {
      const dueMs =
        part === 'retries' || part === 'names'
          ? this.#writtenAtMs[part] + INTERVAL_MS
          : Number.NEGATIVE_INFINITY;
      if (nowMs < dueMs && !isLast) laterMs = Math.min(laterMs ?? dueMs, dueMs);
      else failure = this.#write(part, desired) ?? failure;
    }
    this.#report(failure);
    if (failure !== null) return 'failed';
    return laterMs === null ? 'saved' : { laterMs };
  }

  #write(part: Part, desired: Desired): Error | null {
    try {
      if (part === 'holds') this.#deps.holdsFile.write(Object.fromEntries(this.#actual.holds));
      else if (part === 'lastUse') this.#deps.lastUseFile.write(this.#lastUse());
      else if (part === 'names') this.#writeNames();
      else if (part === 'resolutions')
        this.#deps.resolutionsFile.write(Object.fromEntries(this.#actual.resolutions));
      else this.#writeRetries(desired);
      this.#changed.delete(part);
      return null;
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      return error as Error;
    }
  }

  #lastUse(): Record<string, number> {
    const lastUse: Record<string, number> = {};
    for (const { sha256, unreferencedAtMs, lastUseMs } of this.#actual.contents.values()) {
      if (unreferencedAtMs !== null) lastUse[sha256] = lastUseMs;
    }
    return lastUse;
  }

  #writeRetries(desired: Desired): void {
    // Without a configuration nothing is wanted, and everything would be forgotten.
    if (!this.#isRecalled) return;
    const { clock, wallMs, retriesFile } = this.#deps;
    const records = recordRetries(this.#actual, desired, { nowMs: clock.nowMs(), wallMs: wallMs() });
    const text = JSON.stringify(records);
    if (text === this.#retriesText) return;
    retriesFile.write(records);
    this.#retriesText = text;
    this.#writtenAtMs.retries = clock.nowMs();
  }

  #writeNames(): void {
    const names = [...this.#actual.givenNames].sort();
    const text = JSON.stringify(names);
    if (text === this.#namesText) return;
    this.#deps.namesFile.write(names);
    this.#namesText = text;
    this.#writtenAtMs.names = this.#deps.clock.nowMs();
  }

  #report(failure: Error | null): void {
    const { log } = this.#deps;
    if (failure !== null && !this.#isFailing) {
      log.error({ reason: errorMessage(failure) }, 'the state directory takes no files: it is tried again');
    } else if (failure === null && this.#isFailing) log.info({}, 'the state directory takes files again');
    this.#isFailing = failure !== null;
  }
}
