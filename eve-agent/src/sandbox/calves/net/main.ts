// SPDX-License-Identifier: Apache-2.0
/** The program of the calf that speaks to the network: see `run-net.ts`. Its process has no right but its descriptors. */
import { collectEarly } from '@local-datastore/shared/early-collection';
import { createLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { openGivenStore } from '../../sdk/given-store.ts';
import { runNet } from './run-net.ts';

collectEarly();
const log = createLog('net', 'info');

void runNet({
  store: openGivenStore(),
  handles: {
    onHandle: (listener) =>
      process.on('message', (message, handle: object | undefined) => listener(message, handle ?? null)),
  },
  clock: systemClock,
  log,
}).then(
  () => process.exit(),
  (error: unknown) => {
    log.error({ error: String(error) }, 'it cannot go on');
    process.exit(1);
  },
);
