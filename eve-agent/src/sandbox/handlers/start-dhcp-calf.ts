import { CALF_USERS, type CalfCode } from '@local-datastore/shared/confinement/launcher/calf';
import { findCalf } from '../calves/find-calf.ts';
import { keepProcess, type ProcessDeps } from '../monitor/keep-process.ts';
import { type DhcpCalf, type DhcpCalfStart, dhcpRights } from './open-dhcp.ts';

export interface DhcpCalfDeps extends ProcessDeps {
  /** Default: where this program has it. */
  readonly code?: CalfCode;
}

/** Node itself needs 70 MB of it. */
const LIMITS = { memoryBytes: 160 * 1024 * 1024, openFiles: 64, workers: 0 };

/**
 * Starts the client of DHCP as a process with all layers that this host gives, and again when it ends by itself.
 *
 * @returns what `openDhcp` starts its calf by
 */
export function createDhcpCalfStarter(deps: DhcpCalfDeps): (start: DhcpCalfStart) => DhcpCalf {
  const { code = findCalf('dhcp') } = deps;
  return ({ actor, descriptor, prefix, hostName, isProbing }) => {
    const kept = keepProcess(deps, {
      spec: {
        name: 'dhcp',
        code,
        limits: LIMITS,
        user: CALF_USERS.dhcp,
        descriptors: [descriptor],
        args: [JSON.stringify({ prefix, hostName, isProbing })],
      },
      actor,
      rights: dhcpRights(prefix),
    });
    return { pid: () => kept.current()?.pid ?? null, stop: kept.close };
  };
}
