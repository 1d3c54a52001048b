// SPDX-License-Identifier: Apache-2.0
import { isIPv4, isIPv6 } from 'node:net';
import type { ContainerView } from '../engine/container-engine.ts';
import type { PortBinding } from '../engine/container-spec.ts';

/** What comes to a port of the host goes to a container or a virtual machine. */
export interface Redirect {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** null: any address of the host. */
  readonly hostAddress: string | null;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
  /** What comes from there knows a way of its own. */
  readonly bridge: string;
}

/** Who has rules made: neither sees those of the other. */
export type RuleKind =
  /** A switch, for the time in which an engine moves ports: its holders are containers, by name without a suffix. */
  | 'switch'
  /** For as long as they run: its holders are virtual machines, by id. */
  | 'machines';

/**
 * Leads ports of the host to a container or a virtual machine, by rules of the kernel's packet filter that say whose
 * they are.
 */
export interface PortRule {
  /** The names of those for whom there are rules. */
  list(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** @throws Error, with nothing left */
  add(holder: string, redirects: readonly Redirect[], signal: AbortSignal): Promise<void>;
  /** None being there is fine. */
  remove(holder: string, signal: AbortSignal): Promise<void>;
}

/** Each becomes four rules, of a call each: more ports than this would take longer than the gap that they close. */
const MAX_REDIRECTS = 16;
const LOOPBACK = /^127\.|^::1$/;
const ANY = new Set(['', '0.0.0.0', '::']);

/** The families that a port is published in, as far as the container has addresses. */
function familiesOf({ HostIp }: PortBinding): readonly (4 | 6)[] {
  if (HostIp === '') return [4, 6];
  return isIPv4(HostIp) ? [4] : isIPv6(HostIp) ? [6] : [];
}

/**
 * What leads the ports of one container to another that has none; loopback aside, where no rule can.
 *
 * Pure. Ports that the engine chooses are not led anywhere: nobody knows them before.
 *
 * @param bindings of the container whose ports they are
 * @param candidate where they lead
 * @returns none where there is nothing to lead, or too much
 */
export function planRedirects(
  bindings: ContainerView['portBindings'],
  candidate: Pick<ContainerView, 'networks'>,
  bridge: string,
): Redirect[] {
  const ipv4 = candidate.networks.map((network) => network.ipv4).find(Boolean);
  const ipv6 = candidate.networks.map((network) => network.ipv6).find(Boolean);
  const redirects = Object.entries(bindings).flatMap(([containerPort, places]) => {
    const [, port, protocol] = /^(\d{1,5})\/(tcp|udp|sctp)$/.exec(containerPort) ?? [];
    if (port === undefined) return [];
    return places.flatMap((place) => {
      if (!/^\d{1,5}$/.test(place.HostPort) || Number(place.HostPort) === 0) return [];
      if (LOOPBACK.test(place.HostIp)) return [];
      return familiesOf(place).flatMap((family): Redirect[] => {
        const address = family === 4 ? ipv4 : ipv6;
        if (address === undefined) return [];
        return [
          {
            family,
            protocol: protocol as Redirect['protocol'],
            hostAddress: ANY.has(place.HostIp) ? null : place.HostIp,
            hostPort: Number(place.HostPort),
            address,
            port: Number(port),
            bridge,
          },
        ];
      });
    });
  });
  return redirects.length > MAX_REDIRECTS ? [] : redirects;
}
