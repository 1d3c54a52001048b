// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { BlobInfo, RegistryStore } from '../blobs/registry-store.ts';
import type { Flights } from '../upstream/flights.ts';
import type { UpstreamClient } from '../upstream/upstream-client.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { ImportProgress } from './import-progress.ts';

export interface BringBlobsDeps {
  readonly client: Pick<UpstreamClient, 'openBlob'>;
  readonly flights: Pick<Flights, 'fetch' | 'list'>;
  readonly store: Pick<RegistryStore, 'statBlob' | 'mountBlob'>;
  readonly clock: Clock;
  readonly progress: ImportProgress;
}

export interface BlobPlaces {
  readonly upstreamRepository: string;
  readonly repository: string;
  /** Whether what other repositories have may be taken from them: who imports may read all of them. */
  readonly mayShare: boolean;
}

/** Requests overlap; each further one costs memory, and a link is filled by a few. */
const AT_ONCE = 2;
/** An upstream that gives less than this in a time holds up all that wait behind it. */
const LEAST_BYTES = 64 * 1024;
const LEAST_IN_MS = 60_000;
/** What is here belongs to no image yet, and is leased for a day: over a slow link the rest may take longer. */
const RENEW_MS = 6 * 3_600_000;

/** Has blobs come in that the repository does not have; in the end it has them all, leased. @throws UpstreamError, StoreError */
export async function bringBlobs(
  deps: BringBlobsDeps,
  places: BlobPlaces,
  blobs: readonly BlobInfo[],
  signal: AbortSignal,
): Promise<void> {
  const { progress } = deps;
  const wanted = [...new Map(blobs.map((blob) => [formatDigest(blob.digest), blob])).values()];
  for (const { digest, sizeBytes } of wanted) progress.setBlob(digest, sizeBytes, 'waiting');
  const failing = new AbortController();
  const running = AbortSignal.any([signal, failing.signal]);
  let next = 0;
  async function work(): Promise<void> {
    for (let blob = wanted[next]; blob !== undefined; blob = wanted[next]) {
      next += 1;
      running.throwIfAborted();
      await bringBlob(deps, places, blob, running);
    }
  }
  const stopRenewing = renewLeases(deps, places, wanted);
  const lanes = Array.from({ length: AT_ONCE }, () =>
    work().catch((error: unknown) => {
      // One that fails ends the others; what has come of them is gone on from another time.
      failing.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(lanes);
  stopRenewing();
  running.throwIfAborted();
}

/** @returns how to stop */
function renewLeases(
  { store, clock }: Pick<BringBlobsDeps, 'store' | 'clock'>,
  { repository }: BlobPlaces,
  blobs: readonly BlobInfo[],
): () => void {
  let cancel = () => {};
  const renew = () => {
    for (const { digest } of blobs) {
      // What cannot be looked at is found out when its turn comes.
      store.statBlob(repository, digest, { isForPush: true }).catch(() => {});
    }
    cancel = clock.after(RENEW_MS, renew);
  };
  cancel = clock.after(RENEW_MS, renew);
  return () => cancel();
}

async function bringBlob(
  { client, flights, store, clock, progress }: BringBlobsDeps,
  { upstreamRepository, repository, mayShare }: BlobPlaces,
  { digest, sizeBytes }: BlobInfo,
  signal: AbortSignal,
): Promise<void> {
  const isHere = async () => (await store.statBlob(repository, digest, { isForPush: true })) !== undefined;
  const isShared = () =>
    mayShare ? store.mountBlob(digest, { from: undefined, to: repository, mayPull: () => true }) : false;
  if (!(await isHere()) && !(await isShared())) {
    progress.setBlob(digest, sizeBytes, 'coming');
    const wanted = { client, upstreamRepository, repository, digest, sizeBytes, isApart: !mayShare };
    const cameBytes = await unlessStalled({ flights, clock }, digest, signal, (limited) =>
      flights.fetch(wanted, limited),
    );
    progress.fetchedBytes += cameBytes;
    // It may have come for another repository.
    if (!(await isHere()) && !(await isShared())) {
      throw new UpstreamError('UNREACHABLE', `${formatDigest(digest)} came, and is not here any more`);
    }
  }
  progress.setBlob(digest, sizeBytes, 'here');
}

/** Gives up what comes too slowly to come to an end. */
async function unlessStalled<T>(
  { flights, clock }: Pick<BringBlobsDeps, 'flights' | 'clock'>,
  digest: OciDigest,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const text = formatDigest(digest);
  const stalled = new AbortController();
  const receivedBytes = () => flights.list().find((each) => each.digest === text)?.receivedBytes ?? 0;
  let before = 0;
  let cancel = () => {};
  const look = () => {
    const now = receivedBytes();
    if (now - before < LEAST_BYTES) {
      const kib = LEAST_BYTES / 1024;
      stalled.abort(
        new UpstreamError('UNREACHABLE', `less than ${kib} KiB of ${text} came in a minute: it was given up`),
      );
      return;
    }
    before = now;
    cancel = clock.after(LEAST_IN_MS, look);
  };
  cancel = clock.after(LEAST_IN_MS, look);
  try {
    return await work(AbortSignal.any([signal, stalled.signal]));
  } finally {
    cancel();
  }
}
