import { DHCP } from '../calves/dhcp/manifest.ts';
import { type StartDeps, startCalf } from '../monitor/start-calf.ts';
import type { DhcpCalf, DhcpCalfStart } from './open-dhcp.ts';

/**
 * Starts the client of DHCP as a process with all layers that this host gives, and again when it ends by itself.
 *
 * @returns what `openDhcp` starts its calf by
 */
export function createDhcpCalfStarter(deps: StartDeps): (start: DhcpCalfStart) => DhcpCalf {
  return (start) => {
    const kept = startCalf(deps, DHCP, start);
    return { pid: () => kept.current()?.pid ?? null, stop: kept.close };
  };
}
