// SPDX-License-Identifier: Apache-2.0
import { lookup } from 'node:dns/promises';
import { openAdjtimex } from '@local-datastore/shared/confinement/system/adjtimex';
import {
  createClockControl,
  type SystemClockControl,
} from '@local-datastore/shared/confinement/system/clock-control';
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { unlessAborted } from '@local-datastore/shared/unless-aborted';
import { openNtpSocket } from '../network/ntp-socket.ts';
import { type OpenedNtp, openNtp } from '../sandbox/handlers/open-ntp.ts';
import { createNtpCalfStarter } from '../sandbox/handlers/start-ntp-calf.ts';
import type { NetworkSide } from './network-side.ts';
import type { Sandbox } from './sandbox.ts';

const YEAR_MS = 365.25 * 86_400_000;
/** No time is before this program was written. To be moved with each release. */
const EARLIEST = Date.UTC(2026, 10, 1);
const POLICY = { earliestUnixMs: EARLIEST, latestUnixMs: EARLIEST + 50 * YEAR_MS };
const PREFIX = ['ntp'];

/** Of a clock that is only watched nobody needs to know how the kernel runs it, which some hosts do not tell. */
const watchedClock = (control: SystemClockControl): SystemClockControl => ({
  ...control,
  read: () => ({ unixMs: Date.now(), frequencyPpm: 0, isSynchronized: false }),
});

function reasonOf(code: string): string {
  return code === 'EPERM' ? 'the right to set the clock is missing (CAP_SYS_TIME)' : code;
}

/**
 * Keeps the clock right by time servers, of which a process without rights asks. Where the clock may not be set it is
 * watched.
 *
 * @param servers of `--ntp`
 * @throws ConfigurationError for servers that are none
 */
export async function openNtpClient(
  servers: readonly string[],
  sandbox: Sandbox,
  { findLocal, log }: { readonly findLocal: NetworkSide['findLocal']; readonly log: Log },
): Promise<OpenedNtp> {
  const control = createClockControl(openAdjtimex());
  const code = control.whyFixed();
  const watchedSince = code === null ? null : reasonOf(code);
  const opened = await openNtp(
    {
      ...{ store: sandbox.store, audit: sandbox.audit, clock: systemClock, log },
      control: watchedSince === null ? control : watchedClock(control),
      startCalf: createNtpCalfStarter({ ...sandbox, openSocket: openNtpSocket, clock: systemClock, log }),
      async findAddress(host, signal) {
        if (isLocalHost(host)) return await findLocal(host, signal);
        return (await unlessAborted(lookup(host), signal)).address;
      },
    },
    { ...POLICY, servers, prefix: PREFIX, watchedSince },
  );
  if (watchedSince === null) log.info({ servers }, 'time servers are asked');
  else log.warn({ servers, reason: watchedSince }, 'time servers are asked, and the clock is only watched');
  return opened;
}
