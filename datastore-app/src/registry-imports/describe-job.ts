// SPDX-License-Identifier: Apache-2.0
import type { FlightStatus } from '../upstream/flights.ts';
import { hasEnded, type ImportJobRecord } from './import-job.ts';
import type { BlobState, ImportProgress } from './import-progress.ts';

/** A blob of an import, for whoever watches it. */
export interface ImportedBlob {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly receivedBytes: number;
  readonly state: BlobState;
}

/** A job as others may see it: no credential is in it, nor an address. */
export type ImportJob = Omit<ImportJobRecord, 'version' | 'credential' | 'isAdmin' | 'client'> & {
  /** What is done now; null: nothing. */
  readonly step: string | null;
  readonly blobs: readonly ImportedBlob[];
};

/** Those of an image in use are dozens. */
const MAX_BLOBS = 1000;

/**
 * What there is to say of a job.
 *
 * @param progress undefined: it does not run
 * @param flights what is on its way now
 */
export function describeJob(
  record: ImportJobRecord,
  progress: ImportProgress | undefined,
  flights: readonly FlightStatus[],
): ImportJob {
  const { version: _version, credential: _credential, isAdmin: _isAdmin, client: _client, ...rest } = record;
  if (progress === undefined) return { ...rest, step: null, blobs: [] };
  const coming = new Map(flights.map(({ digest, receivedBytes }) => [digest, receivedBytes]));
  const blobs = [...progress.blobs()].map(
    (blob): ImportedBlob => ({
      ...blob,
      receivedBytes: blob.state === 'here' ? blob.sizeBytes : (coming.get(blob.digest) ?? 0),
    }),
  );
  const comingBytes = blobs.reduce(
    (sum, { state, receivedBytes }) => sum + (state === 'coming' ? receivedBytes : 0),
    0,
  );
  return {
    ...rest,
    ...{ imagesTotal: progress.imagesTotal, imagesDone: progress.imagesDone },
    ...{ sizeBytes: progress.sizeBytes(), doneBytes: progress.hereBytes() + comingBytes },
    fetchedBytes: progress.fetchedBytes,
    notes: [...rest.notes, ...progress.notes],
    step: hasEnded(record.state) ? null : progress.step,
    blobs: blobs.slice(0, MAX_BLOBS),
  };
}
