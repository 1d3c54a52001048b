// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { type ChangeOrigin, type NoteChange, registryImage } from '../changes/change.ts';
import type { Flights } from '../upstream/flights.ts';
import type { UpstreamClient } from '../upstream/upstream-client.ts';
import { describeJob, type ImportJob } from './describe-job.ts';
import { hasEnded, type ImportJobRecord, type ImportWish, newImportJob } from './import-job.ts';
import { createImportProgress, type ImportProgress } from './import-progress.ts';
import { ImportJobError, jobFailureOf } from './job-failure.ts';
import type { JobFiles } from './job-files.ts';
import { removeParts } from './remove-parts.ts';
import { runImport } from './run-import.ts';

/** Imports that were asked for, one after another; they go on by themselves after a restart. */
export interface ImportJobs {
  /** Takes up what an earlier run left. */
  start(): Promise<void>;
  /** Ends what runs; it is gone on with after a restart. */
  stop(): Promise<void>;
  /** Remembered when it returns, even over a power cut. @throws ImportJobError TOO_MANY_JOBS; system errors */
  add(wish: ImportWish, who: ChangeOrigin & { readonly isAdmin: boolean }): Promise<ImportJob>;
  /** The latest first. */
  list(): readonly ImportJob[];
  find(id: string): ImportJob | undefined;
  /** Cancels one that goes on, and forgets one that has ended. @returns false: there is none */
  remove(id: string): Promise<boolean>;
  /** Does one again that failed or was cancelled. @throws ImportJobError JOB_UNKNOWN, JOB_STATE, TOO_MANY_JOBS */
  retry(id: string): Promise<ImportJob>;
  /** Hears when the state of a job has changed. @returns what ends that */
  watch(listener: (id: string) => void): () => void;
}

export interface ImportJobsDeps {
  readonly log: Log;
  /** Told of what has come. */
  readonly note: NoteChange;
  readonly files: JobFiles;
  /** With what upstreams have: it refuses where nothing can be stored. */
  readonly store: RegistryStore;
  readonly flights: Pick<Flights, 'fetch' | 'list'>;
  /** Made for each run, and closed after it. @throws UpstreamError */
  createClient(job: ImportJobRecord): Promise<UpstreamClient>;
  readonly clock: Clock;
  /** In ms since 1970. */
  readonly now: () => number;
}

/** Others wait: two fill a link, and a stalled one does not stop all. */
const MAX_RUNNING = 2;
/** How many may wait or run. */
const MAX_OPEN = 200;
/** How many that have ended are remembered; the oldest go first. */
const MAX_ENDED = 200;

interface Job {
  record: ImportJobRecord;
  progress: ImportProgress | undefined;
  /** While it runs. */
  ending: AbortController | undefined;
  running: Promise<void>;
}

class CancelledError extends Error {}

export function createImportJobs(deps: ImportJobsDeps): ImportJobs {
  const { log, files, flights, store } = deps;
  /** In the order in which they were asked for. */
  const jobs = new Map<string, Job>();
  const listeners = new Set<(id: string) => void>();
  let isStopping = false;

  const time = () => new Date(deps.now()).toISOString();
  const all = () => [...jobs.values()];
  const describe = ({ record, progress }: Job) => describeJob(record, progress, flights.list());
  const toJob = (record: ImportJobRecord): Job => ({
    ...{ record, progress: undefined, ending: undefined, running: Promise.resolve() },
  });

  function note(job: Job, changes: Partial<ImportJobRecord>): void {
    job.record = { ...job.record, ...changes };
    for (const listener of [...listeners]) listener(job.record.id);
  }

  /** Writes down how it went. Where that cannot be written, it is known here alone, and done again after a restart. */
  async function end(job: Job, changes: Partial<ImportJobRecord>): Promise<void> {
    const { credential: _credential, ...record } = job.record;
    const { imagesTotal, imagesDone, sizeBytes, doneBytes, fetchedBytes, notes } = describe(job);
    const next: ImportJobRecord = {
      ...{ ...record, imagesTotal, imagesDone, sizeBytes, doneBytes, fetchedBytes, notes },
      ...{ ended: time(), ...changes },
    };
    try {
      await files.save(next);
    } catch (error) {
      log.error({ id: next.id, reason: errorMessage(error) }, 'the end of an import cannot be written down');
    }
    job.progress = undefined;
    job.record = next;
    note(job, {});
    await forgetOldest();
  }

  async function forgetOldest(): Promise<void> {
    const ended = all().filter(({ record }) => hasEnded(record.state));
    for (const { record } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) {
      jobs.delete(record.id);
      await files.remove(record.id).catch((error: unknown) => {
        log.warn({ id: record.id, reason: errorMessage(error) }, 'the file of an import cannot be removed');
      });
    }
  }

  function noteImported({ record, progress }: Job, digest: string | null, message: string): void {
    const { source, repository, tag, by, client = 'unknown' } = record;
    const sizeBytes = progress?.sizeBytes();
    deps.note(
      {
        ...{ action: 'imported', image: registryImage(repository, tag ?? undefined), source, sizeBytes },
        ...(digest !== null && { digest }),
        ...{ by, client, via: 'import job' },
      },
      message,
    );
  }

  async function run(job: Job, signal: AbortSignal): Promise<void> {
    const { source, repository, tag } = job.record;
    const progress = createImportProgress();
    job.progress = progress;
    note(job, { state: 'running' });
    try {
      const client = await deps.createClient(job.record);
      try {
        const working = { client, flights, store, clock: deps.clock, progress };
        const digest = await runImport(working, job.record, signal);
        noteImported(job, digest, 'an import was done');
        await end(job, { state: 'done', digest, failure: null });
      } finally {
        await client.close();
      }
    } catch (error) {
      if (signal.reason instanceof CancelledError) {
        await removeParts({ store, flights }, repository, progress);
        await end(job, { state: 'cancelled', failure: null });
        return;
      }
      if (isStopping) return;
      // Of several tags some came.
      if (progress.imagesDone > 0) noteImported(job, null, 'an import was done in part');
      const failure = jobFailureOf(error);
      const cause = failure.code === 'FAILED' ? errorMessage(error) : failure.message;
      log.warn({ source, repository, tag, reason: cause }, 'an import failed');
      await end(job, { state: 'failed', failure });
    }
  }

  /** Begins what may begin. */
  function advance(): void {
    const running = all().filter(({ ending }) => ending !== undefined).length;
    const waiting = all().filter(({ record, ending }) => record.state === 'queued' && ending === undefined);
    for (const job of isStopping ? [] : waiting.slice(0, Math.max(0, MAX_RUNNING - running))) {
      const ending = new AbortController();
      job.ending = ending;
      job.running = run(job, ending.signal)
        .catch((error: unknown) => log.error({ reason: errorMessage(error) }, 'an import ended badly'))
        .finally(() => {
          job.ending = undefined;
          advance();
        });
    }
  }

  function requireRoom(): void {
    if (all().filter(({ record }) => !hasEnded(record.state)).length < MAX_OPEN) return;
    throw new ImportJobError('TOO_MANY_JOBS', `${MAX_OPEN} imports are under way: let some end.`, {
      retryable: true,
    });
  }

  return {
    async start() {
      const records = await files.load();
      for (const record of records.sort((one, other) => one.created.localeCompare(other.created))) {
        jobs.set(record.id, toJob(hasEnded(record.state) ? record : { ...record, state: 'queued' }));
      }
      advance();
    },

    async stop() {
      isStopping = true;
      for (const { ending } of all()) ending?.abort(new Error('the datastore is stopping'));
      await Promise.all(all().map(({ running }) => running));
    },

    async add(wish, who) {
      requireRoom();
      const id = randomBytes(8).toString('hex');
      const job = toJob(newImportJob(wish, { ...who, id, created: time() }));
      // Counted before it is written: of many at once no more are taken than may be.
      jobs.set(id, job);
      try {
        await files.save(job.record);
      } catch (error) {
        jobs.delete(id);
        throw error;
      }
      note(job, {});
      advance();
      return describe(job);
    },

    list: () => all().map(describe).reverse(),
    find: (id) => [jobs.get(id) ?? []].flat().map(describe)[0],

    async remove(id) {
      const job = jobs.get(id);
      if (job === undefined) return false;
      if (job.ending !== undefined) {
        job.ending.abort(new CancelledError('the import was cancelled'));
        await job.running;
      } else if (!hasEnded(job.record.state)) {
        await end(job, { state: 'cancelled' });
      } else {
        jobs.delete(id);
        await files.remove(id);
        note(job, {});
      }
      return true;
    },

    async retry(id) {
      const job = jobs.get(id);
      if (job === undefined) throw new ImportJobError('JOB_UNKNOWN', `There is no import ${id}.`);
      const { state } = job.record;
      if (job.ending !== undefined || (state !== 'failed' && state !== 'cancelled')) {
        throw new ImportJobError('JOB_STATE', `The import is ${state}: only one that failed is done again.`);
      }
      requireRoom();
      const before = job.record;
      // At once: of two who want it, one has it done.
      job.record = { ...before, state: 'queued', ended: null, failure: null, notes: [] };
      try {
        await files.save(job.record);
      } catch (error) {
        job.record = before;
        throw error;
      }
      note(job, {});
      advance();
      return describe(job);
    },

    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
