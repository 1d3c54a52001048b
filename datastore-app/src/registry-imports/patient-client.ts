// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import type { UpstreamClient } from '../upstream/upstream-client.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';

/** Before what failed is asked for again; after the last the failure stands. */
const RETRY_MS = [500, 2000, 5000] as const;
/** So long one answer may take as a whole: the largest manifest at 70 kB a second. */
const ANSWER_MS = 60_000;

/**
 * A client that asks again where an upstream fails for a moment, and waits for no answer for ever. Blobs are left as
 * they are: flights go on with them.
 */
export function createPatientClient(
  client: UpstreamClient,
  { clock }: { readonly clock: Clock },
): UpstreamClient {
  async function within<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const cancel = clock.after(ANSWER_MS, () =>
      late.abort(
        new UpstreamError('UNREACHABLE', 'the registry does not answer in time', { retryable: true }),
      ),
    );
    try {
      return await work(AbortSignal.any([signal, late.signal]));
    } finally {
      cancel();
    }
  }

  async function patiently<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await within(signal, work);
      } catch (error) {
        signal.throwIfAborted();
        const delayMs = RETRY_MS[failures];
        if (!(error instanceof UpstreamError) || !error.retryable || delayMs === undefined) throw error;
        await waitUnlessAborted(clock, delayMs, signal);
        signal.throwIfAborted();
      }
    }
  }

  return {
    ...client,
    readManifest: (repository, reference, signal) =>
      patiently(signal, (limited) => client.readManifest(repository, reference, limited)),
    resolveTag: (repository, tag, signal) =>
      patiently(signal, (limited) => client.resolveTag(repository, tag, limited)),
    readDocument: (repository, wish, signal) =>
      patiently(signal, (limited) => client.readDocument(repository, wish, limited)),
  };
}
