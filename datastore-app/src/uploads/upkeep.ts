// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { waitFor } from '@local-datastore/shared/system-clock';
import type { Registry } from '../blobs/open-registry.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { Uploads } from './uploads.ts';

export interface UpkeepDeps {
  readonly log: Log;
  readonly store: Pick<ImageStore, 'collectAbandoned'>;
  readonly uploads: Pick<Uploads, 'collectExpired' | 'expiryMs'>;
  /** undefined: it is off. */
  readonly registry: Pick<Registry, 'collectAbandoned' | 'collection'> | undefined;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In ms, of a clock that only goes forward. */
  readonly elapsed?: () => number;
}

export interface UpkeepOptions {
  /** How often the registry collects; undefined: never. */
  readonly collectEveryMs: number | undefined;
}

const INTERVAL_MS = 3_600_000;

/**
 * Removes what clients and earlier runs left unfinished: now, and every hour until the signal aborts. What belongs to
 * no image is collected an hour after the start for the first time, also where the datastore is started every day.
 */
export async function keepUp(
  { log, store, uploads, registry, elapsed = () => performance.now(), wait = waitFor }: UpkeepDeps,
  { collectEveryMs }: UpkeepOptions,
  signal: AbortSignal,
): Promise<void> {
  let collectAtMs = elapsed() + INTERVAL_MS;
  while (!signal.aborted) {
    try {
      const staged = await store.collectAbandoned(uploads.expiryMs);
      const expired = (await uploads.collectExpired()) + ((await registry?.collectAbandoned()) ?? 0);
      if (staged + expired > 0) log.info({ staged, expired }, 'unfinished uploads were removed');
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'unfinished uploads could not be removed');
    }
    try {
      if (collectEveryMs !== undefined && elapsed() >= collectAtMs) {
        collectAtMs = elapsed() + collectEveryMs;
        await registry?.collection.run();
      }
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'what belongs to no image could not be collected');
    }
    await wait(INTERVAL_MS, signal);
  }
}
