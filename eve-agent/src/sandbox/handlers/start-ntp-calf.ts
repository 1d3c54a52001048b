// SPDX-License-Identifier: Apache-2.0
import { CALF_USERS, type CalfCode } from '@local-datastore/shared/confinement/launcher/calf';
import { processStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { planHere } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import { findCalf } from '../calves/find-calf.ts';
import { serveAsks } from '../exchange/serve-asks.ts';
import { NTP_PORT, ntpRights, socketAsksOf } from '../keys/ntp-keys.ts';
import { createDroppedDatagrams } from '../monitor/dropped-datagrams.ts';
import { createNtpSocketGiver } from '../monitor/give-ntp-socket.ts';
import { keepProcess, type ProcessDeps } from '../monitor/keep-process.ts';
import type { KeyPath } from '../store/key-path.ts';
import type { ClockPolicy } from './judge-correction.ts';
import type { NtpCalf } from './open-ntp.ts';

export interface NtpCalfDeps extends ProcessDeps {
  /** As `openNtpSocket`. */
  openSocket(address: string, port: number): number;
  /** Of the servers. Default 123. */
  readonly port?: number;
  /** Default: where this program has it. */
  readonly code?: CalfCode;
}

const NTP = 'ntp';
/** As whom priv writes answers to asks. */
const ANSWERS = 'ntp-answers';
/** Node itself needs 70 MB of it. */
const LIMITS = { memoryBytes: 160 * 1024 * 1024, openFiles: 64, workers: 0 };
/** More than servers that get another address at a time. */
const MAX_ASKS = 32;

/**
 * Starts the client of NTP as a process with all layers that this host gives, and again when it ends by itself.
 *
 * @returns what `openNtp` starts its calf by
 */
export function createNtpCalfStarter(deps: NtpCalfDeps): (prefix: KeyPath, policy: ClockPolicy) => NtpCalf {
  const { store, audit, openSocket, port = NTP_PORT, code = findCalf(NTP), plan = planHere() } = deps;
  return (prefix, { earliestUnixMs, latestUnixMs }) => {
    const dropped = createDroppedDatagrams();
    const open = (address: string, serverPort: number) => {
      const fd = openSocket(address, serverPort);
      dropped.watch(fd);
      return fd;
    };
    const give = createNtpSocketGiver({ store, open }, { prefix, port });
    const kept = keepProcess(
      { ...deps, plan },
      {
        spec: {
          ...{ name: NTP, code, limits: LIMITS, user: CALF_USERS.ntp },
          args: [JSON.stringify({ prefix, earliestUnixMs, latestUnixMs })],
        },
        ...{ actor: NTP, rights: ntpRights(prefix) },
        begin(calf) {
          const stopAsks = serveAsks(
            { store, audit, send: (message, descriptor) => calf.send(message, descriptor) },
            { actor: NTP, owner: ANSWERS, maxAsks: MAX_ASKS, prefix: socketAsksOf(prefix) },
            give,
          );
          return async () => stopAsks();
        },
      },
    );
    return {
      status: () => ({ ...processStatus(NTP, kept, plan), droppedDatagrams: dropped.total() }),
      stop: kept.close,
    };
  };
}
