// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '@local-datastore/shared/page/api-error';
import { createStore, type Store } from '@local-datastore/shared/page/store';
import type { Access } from '../access/access.ts';
import type { Image, Status } from '../api/answers.ts';
import type { Client } from '../api/client.ts';

/** What the page knows of the datastore. */
export interface Live {
  /** undefined: nothing was heard yet. */
  readonly images: readonly Image[] | undefined;
  readonly status: Status | undefined;
  readonly connection: 'starting' | 'live' | 'lost' | 'locked';
  /** What is wrong, for people. */
  readonly trouble: string | undefined;
}

export interface Poll {
  readonly live: Store<Live>;
  /** Looks now. */
  refresh(): void;
  /** Forgets what is known, and looks now. */
  startAgain(): void;
  /** Asks for the read credential, after the person gave up once. */
  unlock(): void;
}

const INTERVAL_MS = 1000;
const NOTHING: Live = { images: undefined, status: undefined, connection: 'starting', trouble: undefined };

/** Looks at the datastore every second, as long as the page is seen. */
export function startPolling(client: Client, access: Access): Poll {
  const live = createStore<Live>(NOTHING);
  let entityTag: string | undefined;
  /** Grows when everything is forgotten: what was asked before does not come back. */
  let generation = 0;
  let wake = () => {};

  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  /** @returns how long to wait before the next look */
  async function look(): Promise<number> {
    const sent = access.readHeaders();
    const asked = generation;
    try {
      const [images, status] = await Promise.all([
        client.read<{ images: Image[] }>('/-/api/v1/images', entityTag),
        client.read<Status>('/-/api/v1/status'),
      ]);
      if (asked !== generation) return 0;
      entityTag = images?.entityTag ?? entityTag;
      live.set({
        images: images?.body.images ?? live.get().images,
        status: status?.body ?? live.get().status,
        connection: 'live',
        trouble: undefined,
      });
      return INTERVAL_MS;
    } catch (error) {
      const { status, message, retryAfterSeconds } =
        error instanceof ApiError ? error : new ApiError(String(error), 0);
      if (status === 401) {
        if (access.refuseRead(sent)) return 0;
        live.set({ ...live.get(), connection: 'locked', trouble: undefined });
        // Who gives up is not asked again and again.
        return (await access.needReadCredential()) ? 0 : Number.POSITIVE_INFINITY;
      }
      live.set({ ...live.get(), connection: 'lost', trouble: message });
      return retryAfterSeconds === undefined ? INTERVAL_MS : retryAfterSeconds * 1000;
    }
  }

  async function run(): Promise<never> {
    for (;;) {
      const waitMs = document.hidden ? Number.POSITIVE_INFINITY : await look();
      // A timer cannot be set for ever: one of a day is as good.
      await sleep(Math.min(waitMs, 86_400_000));
    }
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && live.get().connection !== 'locked') wake();
  });
  void run();
  function startAgain(): void {
    generation += 1;
    entityTag = undefined;
    live.set(NOTHING);
    wake();
  }

  return { live, refresh: () => wake(), startAgain, unlock: () => wake() };
}
