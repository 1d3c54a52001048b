// SPDX-License-Identifier: Apache-2.0
import { processStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { planHere } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import { DHCP } from '../calves/dhcp/manifest.ts';
import { type StartDeps, startCalf } from '../monitor/start-calf.ts';
import type { DhcpCalf, DhcpCalfStart } from './open-dhcp.ts';

/**
 * Starts the client of DHCP as a process with all layers that this host gives, and again when it ends by itself.
 *
 * @returns what `openDhcp` starts its calf by
 */
export function createDhcpCalfStarter(deps: StartDeps): (start: DhcpCalfStart) => DhcpCalf {
  const { plan = planHere() } = deps;
  return (start) => {
    const kept = startCalf({ ...deps, plan }, DHCP, start);
    // Each interface has a process of its own, by the name of who its keys belong to.
    return { status: () => processStatus(start.actor, kept, plan), stop: kept.close };
  };
}
