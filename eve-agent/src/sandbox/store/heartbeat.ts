// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { KeyPath } from './key-path.ts';
import { readable } from './rights.ts';
import type { StoreClient } from './store-client.ts';

/** A key that nobody ever writes: that it is asked for says that whoever asks is alive. */
const HEARTBEAT_PATH: KeyPath = ['alive'];
/** Several within the silence after which a calf is given up. */
const HEARTBEAT_MS = 10_000;

/** What every calf may read, whatever its manifest says. */
export const HEARTBEAT_RIGHT = readable('/alive');

/** Lets the store know, until it has ended, that the program of a calf goes on. */
export function beat(store: Pick<StoreClient, 'read' | 'closed'>, clock: Clock): void {
  let isOver = false;
  let cancel = () => {};
  void store.closed.then(() => {
    isOver = true;
    cancel();
  });
  function next(): void {
    cancel = clock.after(HEARTBEAT_MS, () => {
      // A store that is busy has other questions of it, and one that has ended needs no sign.
      store.read(HEARTBEAT_PATH).catch(() => {});
      if (!isOver) next();
    });
  }
  next();
}
