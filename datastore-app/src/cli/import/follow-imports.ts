// SPDX-License-Identifier: Apache-2.0
import { waitUnlessAborted } from '@local-datastore/shared/clock';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { systemClock } from '@local-datastore/shared/system-clock';
import type * as z from 'zod';
import { StoreError } from '../../content/store-error.ts';
import { REGISTRY_API } from '../../http/registry-gate.ts';
import { importJobAnswerSchema } from '../../http/routes/import-jobs.ts';
import { hasEnded } from '../../registry-imports/import-job.ts';
import type { ImportRequest } from '../../registry-imports/import-request.ts';
import type { JobFailureCode } from '../../registry-imports/job-failure.ts';
import { AnswerError, CorruptionError } from '../exit-code.ts';
import type { DatastoreClient } from '../registry/datastore-client.ts';

export type FollowedJob = z.infer<ReturnType<typeof importJobAnswerSchema>>;

export const IMPORTS_PATH = `${REGISTRY_API}/imports`;
const LOOK_MS = 500;
/** A datastore that starts again goes on with its imports: so many looks without an answer are borne. */
const MAX_SILENT_LOOKS = 60;

/** Has the datastore import something. @throws AnswerError, ConfigurationError */
export async function beginImport(
  { ask }: Pick<DatastoreClient, 'ask'>,
  request: ImportRequest,
): Promise<FollowedJob> {
  const response = await ask('POST', IMPORTS_PATH, request);
  const parsed = importJobAnswerSchema().safeParse(await response.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  throw new AnswerError('DATASTORE_FAILED', 'what answers is no datastore that can import');
}

/**
 * Waits until an import has ended.
 *
 * @param onLook hears how far it is, from time to time
 * @returns as it is in the end; where the signal aborts, as it is then: it goes on by itself
 * @throws AnswerError, ConfigurationError
 */
export async function followImport(
  { read }: Pick<DatastoreClient, 'read'>,
  begun: FollowedJob,
  onLook: (job: FollowedJob) => void,
  signal: AbortSignal,
): Promise<FollowedJob> {
  let job = begun;
  for (let silent = 0; ; ) {
    onLook(job);
    if (hasEnded(job.state) || signal.aborted) return job;
    await waitUnlessAborted(systemClock, LOOK_MS, signal);
    if (signal.aborted) return job;
    try {
      job = await read('GET', `${IMPORTS_PATH}/${job.id}`, importJobAnswerSchema());
      silent = 0;
    } catch (error) {
      if (signal.aborted) return job;
      const isSilent = error instanceof AnswerError && error.code === 'DATASTORE_UNREACHABLE';
      silent += 1;
      if (!isSilent || silent > MAX_SILENT_LOOKS) throw error;
    }
  }
}

/** What an import that did not come to its end is to a command. */
export function importErrorOf(job: Pick<FollowedJob, 'source' | 'state' | 'failure'>): Error {
  const { code = 'FAILED', message = `it was ${job.state}` } = job.failure ?? {};
  const sentence = `${job.source}: ${message}`;
  const make: Readonly<Partial<Record<JobFailureCode, () => Error>>> = {
    INVALID: () => new CorruptionError('IMAGE_CORRUPT', sentence),
    NO_SPACE: () => new StoreError('NO_SPACE', sentence),
    REFUSED: () => new ConfigurationError(sentence),
  };
  return make[code]?.() ?? new AnswerError('SOURCE_FAILED', sentence);
}
