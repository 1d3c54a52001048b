import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { ImageStore } from '../images/image-store.ts';
import type { Uploads } from './uploads.ts';

export interface UpkeepDeps {
  readonly log: Log;
  readonly store: Pick<ImageStore, 'collectAbandoned'>;
  readonly uploads: Pick<Uploads, 'collectExpired' | 'expiryMs'>;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const INTERVAL_MS = 3_600_000;

/** Removes what clients and earlier runs left unfinished: now, and every hour until the signal aborts. */
export async function keepUp(
  { log, store, uploads, ...deps }: UpkeepDeps,
  signal: AbortSignal,
): Promise<void> {
  const wait = deps.wait ?? ((ms) => delay(ms, undefined, { signal, ref: false }).catch(() => {}));
  while (!signal.aborted) {
    try {
      const staged = await store.collectAbandoned(uploads.expiryMs);
      const expired = await uploads.collectExpired();
      if (staged + expired > 0) log.info({ staged, expired }, 'unfinished uploads were removed');
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'unfinished uploads could not be removed');
    }
    await wait(INTERVAL_MS, signal);
  }
}
