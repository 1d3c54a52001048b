// SPDX-License-Identifier: Apache-2.0
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { registryUrl } from '../../reconcile/registry-place.ts';
import type { OpenImageWay } from '../../registry/image-way.ts';
import type { DownloadDeps, DownloadObserver } from '../../transfer/download-request.ts';
import { TransferError } from '../../transfer/errors.ts';
import { SOME_ATTEMPTS } from '../../transfer/persistence.ts';
import { decideRetryDelayMs } from '../../transfer/retry-policy.ts';
import type { NetJobs } from './net-jobs.ts';

const NOBODY_AVOIDED: ReadonlySet<string> = new Set();

/** Whether the verifier has ended over it, which is started again: nobody out there has to do with it. */
const isVerifierGone = (error: unknown): boolean =>
  error instanceof CodedError && error.code === 'TARGET_BUSY' && error.retryable;

/** What a process says that cannot be is as when a registry says it. */
function asAnswer(error: unknown): unknown {
  if (error instanceof CodedError) return error;
  return new TransferError('RESPONSE_INVALID', errorMessage(error), { cause: error });
}

/**
 * The way to images by processes without rights: one speaks to the registry, and tries again what fails there; another one
 * hashes and writes. Here each manifest is read for its digest, and what a blob has to be is said.
 *
 * @param jobs a file that is fetched to has to be below the folder of theirs
 */
export function createNetImageWay(
  jobs: Pick<NetJobs, 'downloadTo' | 'resolveImage'>,
  { delay, random }: Pick<DownloadDeps, 'delay' | 'random'>,
): OpenImageWay<null> {
  /** Begins anew, from what was written, as often as the verifier ends over it, within bounds. */
  async function outliveVerifiers<T>(
    work: () => Promise<T>,
    { onEvent }: DownloadObserver,
    signal: AbortSignal,
  ): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        const delayMs = isVerifierGone(error)
          ? decideRetryDelayMs(failures, SOME_ATTEMPTS.retry, random())
          : null;
        if (delayMs === null) throw asAnswer(error);
        onEvent({ kind: 'retrying', delayMs, error: error as Error });
        await delay(delayMs, signal);
      }
    }
  }

  return async ({ image, wish, authorization, ca }) => {
    const credential = { authorization, ca, avoidedAddresses: NOBODY_AVOIDED };
    return {
      async resolve(signal) {
        try {
          return { resolved: await jobs.resolveImage({ image, ...credential }, wish, signal), place: null };
        } catch (error) {
          signal.throwIfAborted();
          throw asAnswer(error);
        }
      },
      fetchBlob({ digest, sizeBytes }, { path }, observer, signal) {
        const request = {
          ...{ url: registryUrl(image, 'blobs', formatDigest(digest)), sha256: digest.hex, sizeBytes },
          ...{ registry: { kind: 'blob', image } as const, ...credential },
        };
        return outliveVerifiers(() => jobs.downloadTo(path, request, observer, signal), observer, signal);
      },
      close() {},
    };
  };
}
