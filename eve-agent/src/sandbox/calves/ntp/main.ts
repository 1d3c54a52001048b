// SPDX-License-Identifier: Apache-2.0
/** The client of NTP as a calf: the store on its descriptor, and a socket for each server, which priv opens. */
import { randomBytes } from 'node:crypto';
import { Socket as DatagramSocket } from 'node:dgram';
import { errorMessage } from '@local-datastore/shared/errors';
import { createLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { type Asks, openAsks } from '../../exchange/asks.ts';
import { socketAsksOf } from '../../keys/ntp-keys.ts';
import { openGivenStore } from '../../sdk/given-store.ts';
import { createGivenSockets, type GivenSocket } from './given-sockets.ts';
import { type RunNtpOptions, runNtp } from './run-ntp.ts';

const log = createLog('ntp', 'info');

async function takeSocket(asks: Asks, server: string): Promise<GivenSocket> {
  const { value, handle } = await asks.ask({ server });
  if (!(handle instanceof DatagramSocket)) throw new Error('priv gave no socket');
  // What priv says is as it says.
  return { socket: handle, ...(value as Pick<GivenSocket, 'address' | 'port'>) };
}

/** @returns when the store has ended, why */
async function main(): Promise<string> {
  // Priv's own words: nobody else starts a calf.
  const options = JSON.parse(process.argv[2] ?? '') as RunNtpOptions;
  const store = openGivenStore();
  const asks = await openAsks(
    store,
    {
      onHandle: (listener) =>
        process.on('message', (message, handle: object | undefined) => listener(message, handle ?? null)),
    },
    socketAsksOf(options.prefix),
  );
  await runNtp(
    {
      store,
      sockets: createGivenSockets((server) => takeSocket(asks, server)),
      clock: systemClock,
      readWallMs: Date.now,
      chance: { bits64: () => randomBytes(8).readBigUInt64BE(), fraction: Math.random },
      log,
    },
    options,
  );
  return await store.closed;
}

void main().then(
  () => process.exit(),
  (error: unknown) => {
    log.error({ reason: errorMessage(error) }, 'the client of NTP ends');
    process.exit(1);
  },
);
