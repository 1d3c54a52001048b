// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { CodedError } from '@local-datastore/shared/errors';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { parsePlatform } from '@local-datastore/shared/oci/platform';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { StoreError } from '../content/store-error.ts';
import type { Flights } from '../upstream/flights.ts';
import type { UpstreamClient } from '../upstream/upstream-client.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import { listUpstreamTags } from '../upstream/upstream-lists.ts';
import { importImage } from './import-image.ts';
import type { ImportJobRecord } from './import-job.ts';
import type { ImportProgress } from './import-progress.ts';
import { parseImportSource, wantedReference } from './import-source.ts';
import { jobFailureOf } from './job-failure.ts';
import { createPatientClient } from './patient-client.ts';
import { selectTags } from './tag-patterns.ts';

export interface RunImportDeps {
  readonly client: UpstreamClient;
  readonly flights: Pick<Flights, 'fetch' | 'list'>;
  readonly store: RegistryStore;
  readonly clock: Clock;
  readonly progress: ImportProgress;
}

/** Of one job: whoever wants more imports in parts. */
const MAX_TAGS = 1000;

/** Whether the next tag would fail in the same way. */
const isOfAll = (error: unknown): boolean =>
  !(error instanceof CodedError) ||
  (error instanceof UpstreamError && (error.retryable || error.code === 'DENIED')) ||
  error instanceof StoreError;

/** What a job imports: one image, or each tag that fits. @throws UpstreamError */
async function imagesOf(client: UpstreamClient, { source, tag, tags }: ImportJobRecord, signal: AbortSignal) {
  const parsed = parseImportSource(source);
  if (parsed.kind === 'invalid') throw new UpstreamError('INVALID', parsed.reason);
  const { host, repository } = parsed.value;
  if (tags.length === 0) {
    return {
      host,
      repository,
      images: [{ reference: wantedReference(parsed.value), tag: tag ?? undefined }],
    };
  }
  const found = selectTags(await listUpstreamTags(client, repository, signal), tags);
  if (found.length === 0) {
    throw new UpstreamError(
      'NOT_FOUND',
      `${host} has no tag of ${repository} that fits ${tags.join(' or ')}`,
    );
  }
  if (found.length > MAX_TAGS) {
    throw new UpstreamError(
      'INVALID',
      `${found.length} tags of ${repository} fit: at most ${MAX_TAGS} are imported at once, so name fewer`,
    );
  }
  return { host, repository, images: found.map((each) => ({ reference: { tag: each }, tag: each })) };
}

/**
 * Does what a job is for. Of several tags, one that cannot be had stops no other.
 *
 * @returns the digest of what was imported; null where there were several
 * @throws as importImage; UpstreamError where one of several could not be had
 */
export async function runImport(
  { client: impatient, flights, store, clock, progress }: RunImportDeps,
  job: ImportJobRecord,
  signal: AbortSignal,
): Promise<string | null> {
  const client = createPatientClient(impatient, { clock });
  const { host, repository, images } = await imagesOf(client, job, signal);
  const platforms = job.platforms.flatMap((text) => parsePlatform(text) ?? []);
  progress.imagesTotal = images.length;
  const failed: string[] = [];
  let digest: string | null = null;
  for (const { reference, tag } of images) {
    try {
      const imported = await importImage(
        { client, flights, store, clock, progress },
        {
          ...{ upstreamRepository: repository, repository: job.repository, reference, platforms, tag },
          ...{ by: `import:${host}`, mayShare: job.isAdmin },
        },
        signal,
      );
      digest = formatDigest(imported);
      progress.imagesDone += 1;
    } catch (error) {
      signal.throwIfAborted();
      if (images.length === 1 || isOfAll(error)) throw error;
      failed.push(`${tag}: ${jobFailureOf(error).message}`);
    }
  }
  if (failed.length === 0) return images.length === 1 ? digest : null;
  throw new UpstreamError(
    'INVALID',
    `${failed.length} of ${images.length} tags could not be had: ${failed.slice(0, 5).join('; ')}`,
  );
}
