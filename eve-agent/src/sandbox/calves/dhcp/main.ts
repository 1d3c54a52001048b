/** The client of DHCP as a calf: the store on its descriptor, the packet socket on the first one that it was given. */
import { randomInt } from 'node:crypto';
import { Socket } from 'node:net';
import { FIRST_GIVEN_DESCRIPTOR, STORE_DESCRIPTOR } from '@local-datastore/shared/confinement/launcher/calf';
import { errorMessage } from '@local-datastore/shared/errors';
import { createLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { openStoreClient } from '../../store/store-client.ts';
import { createFrameChannel } from './frame-channel.ts';
import { type DhcpCalfOptions, runDhcp } from './run-dhcp.ts';

const RANDOM_RANGE = 2 ** 32;

// A bundle of it is a script, which cannot wait at its top.
async function main(): Promise<void> {
  const log = createLog('dhcp', 'info');
  // Priv's own words: nobody else starts a calf.
  const options = JSON.parse(process.argv[2] ?? '') as DhcpCalfOptions;
  const store = openStoreClient(new Socket({ fd: STORE_DESCRIPTOR, readable: true, writable: true }));
  const ending = new AbortController();
  void store.closed.then(() => ending.abort());
  try {
    await runDhcp(
      {
        frames: createFrameChannel({ clock: systemClock }, FIRST_GIVEN_DESCRIPTOR),
        store,
        clock: systemClock,
        random: () => randomInt(RANDOM_RANGE) / RANDOM_RANGE,
        log,
      },
      options,
      ending.signal,
    );
  } catch (error) {
    log.error({ reason: errorMessage(error) }, 'the client of DHCP ends');
    process.exitCode = 1;
  } finally {
    store.close();
  }
}

void main();
