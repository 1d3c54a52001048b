// SPDX-License-Identifier: Apache-2.0
import type { AccessRule } from '@local-datastore/shared/eve/app-instance';

/** A port of this host that leads into an app. */
export interface PortMap {
  readonly protocol: 'tcp' | 'udp';
  readonly hostPort: number;
  readonly appPort: number;
}

/** What is wrong where one port outside leads to two places of an app. */
export function findPortsTwice(networks: readonly { readonly portMaps: readonly PortMap[] }[]): string[] {
  const ports = networks
    .flatMap(({ portMaps }) => portMaps)
    .map(({ protocol, hostPort }) => `${protocol} port ${hostPort}`);
  const twice = ports.filter((port, i) => ports.indexOf(port) !== i);
  return [...new Set(twice)].map((port) => `interfaces: the ${port} outside is mapped twice`);
}

const PROTOCOLS: Readonly<Record<string, PortMap['protocol']>> = {
  tcp: 'tcp',
  udp: 'udp',
  6: 'tcp',
  17: 'udp',
};
const MAX_PORT = 65_535;
const isPort = (port: number) => Number.isInteger(port) && port > 0 && port <= MAX_PORT;

/**
 * The ports that the access rules of an interface map (EVE's `ACE` with the action `portmap`: protocol and `lport` are
 * the outside, `appPort` the inside).
 *
 * @param path of the list, for messages
 * @returns also what is wrong with one of them, and what nothing is done by
 */
export function readPortMaps(rules: readonly AccessRule[], path: string) {
  const maps: PortMap[] = [];
  const problems: string[] = [];
  let isFiltered = false;
  for (const [i, { matches, actions }] of rules.entries()) {
    const matchOf = (type: string) => matches.find((match) => match.type === type)?.value;
    const map = actions.find(({ portmap }) => portmap);
    // Everything from anywhere is allowed here as well.
    const isOpen = matches.every(({ type, value }) => type === 'ip' && value === '0.0.0.0/0');
    isFiltered ||= actions.some(({ drop, limit }) => drop || limit) || (map === undefined && !isOpen);
    if (map === undefined) continue;
    const protocol = PROTOCOLS[matchOf('protocol')?.toLowerCase() ?? ''];
    const hostPort = Number(matchOf('lport'));
    if (protocol === undefined) problems.push(`${path}[${i}]: a port is mapped for the protocol tcp or udp`);
    else if (!isPort(hostPort)) problems.push(`${path}[${i}]: the port outside is missing (lport)`);
    else if (!isPort(map.appPort)) problems.push(`${path}[${i}]: the port of the app is missing (appPort)`);
    else maps.push({ protocol, hostPort, appPort: map.appPort });
  }
  const warnings = isFiltered
    ? [`${path}: only the mapping of ports is done here; nothing that the rules forbid is held back`]
    : [];
  return { maps, problems, warnings };
}
