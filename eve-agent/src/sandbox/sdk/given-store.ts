// SPDX-License-Identifier: Apache-2.0
import { Socket } from 'node:net';
import { STORE_DESCRIPTOR } from '@local-datastore/shared/confinement/launcher/calf';
import { systemClock } from '@local-datastore/shared/system-clock';
import { beat } from '../store/heartbeat.ts';
import { openStoreClient, type StoreClient } from '../store/store-client.ts';

/** The store that this process was started with as a calf. It is to be opened once. */
export function openGivenStore(): StoreClient {
  const store = openStoreClient(new Socket({ fd: STORE_DESCRIPTOR, readable: true, writable: true }));
  beat(store, systemClock);
  return store;
}
