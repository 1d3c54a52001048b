// SPDX-License-Identifier: Apache-2.0
/**
 * The time client and priv's handler, with real sockets, and a clock that is nobody's: it begins in 1970. Arguments: the
 * addresses of the servers. Prints what it shows of itself as JSON lines, one for each change.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createClockControl } from '@local-datastore/shared/confinement/system/clock-control';
import { emulateAdjtimex } from '@local-datastore/shared/confinement/system/emulated-adjtimex';
import { silentLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { openNtpSocket } from '../../../eve-agent/src/network/ntp-socket.ts';
import { createGivenSockets } from '../../../eve-agent/src/sandbox/calves/ntp/given-sockets.ts';
import { runNtp } from '../../../eve-agent/src/sandbox/calves/ntp/run-ntp.ts';
import { openNtp } from '../../../eve-agent/src/sandbox/handlers/open-ntp.ts';
import { NTP_KEY, NTP_PORT, ntpRights } from '../../../eve-agent/src/sandbox/keys/ntp-keys.ts';
import { createDirectStoreClient } from '../../../eve-agent/src/sandbox/store/direct-client.ts';
import { createKeyStore } from '../../../eve-agent/src/sandbox/store/key-store.ts';

const servers = process.argv.slice(2);
const kernel = emulateAdjtimex(systemClock, { unixMs: 0 });
const clock = { ...systemClock, nowMs: kernel.monotonicMs };
const audit = { append: () => {} };
const store = createKeyStore({ audit, log: silentLog });
const policy = { earliestUnixMs: Date.parse('2025-01-01'), latestUnixMs: Date.parse('2090-01-01') };
const prefix = ['ntp'];
const addressOf = (id: string) =>
  Buffer.from(store.read([...prefix, NTP_KEY.server, id, 'address']) ?? []).toString('latin1');

const ntp = await openNtp(
  {
    ...{ store, audit, clock, log: silentLog, control: createClockControl(kernel.adjtimex) },
    findAddress: () => Promise.reject(new Error('there is no discovery here')),
    async startCalf() {
      const { stop } = await runNtp(
        {
          store: createDirectStoreClient({ store, audit }, { actor: 'ntp', rights: ntpRights(prefix) }),
          sockets: createGivenSockets(async (id) => {
            const address = addressOf(id);
            const type = address.includes(':') ? 'udp6' : 'udp4';
            const socket = createSocket(type).bind({ fd: openNtpSocket(address, NTP_PORT) });
            return { address, port: NTP_PORT, socket };
          }),
          clock,
          readWallMs: () => Math.floor(kernel.unixMs()),
          chance: { bits64: () => randomBytes(8).readBigUInt64BE(), fraction: Math.random },
          log: silentLog,
        },
        { ...policy, prefix },
      );
      return { status: () => null, stop };
    },
  },
  { ...policy, servers, prefix, watchedSince: null },
);

let last = '';
function show(): void {
  const keys = store
    .list('/ntp/**')
    .map(({ path, value }) => [path.slice(1).join('/'), String(Buffer.from(value))]);
  const line = JSON.stringify({ errorMs: kernel.unixMs() - Date.now(), keys: Object.fromEntries(keys) });
  if (line !== last) process.stdout.write(`${line}\n`);
  last = line;
}
let isAsked = false;
const showSoon = () => {
  if (isAsked) return;
  isAsked = true;
  setImmediate(() => {
    isAsked = false;
    show();
  });
};
store.watch('/ntp/**', showSoon);
showSoon();
process.once('SIGTERM', () => void ntp.stop().then(() => process.exit(0)));
