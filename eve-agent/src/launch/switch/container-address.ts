import { isIP } from 'node:net';
import type { ContainerView } from '../engine/container-engine.ts';
import type { Place } from './probe.ts';

const LOOPBACK = '127.0.0.1';

/** Where the host reaches a port of a container; null: nowhere. */
export function placeInside({ networkMode, networks }: ContainerView, port: number): Place | null {
  if (networkMode === 'host') return { address: LOOPBACK, port };
  const address =
    networks.map(({ ipv4 }) => ipv4).find(Boolean) ?? networks.map(({ ipv6 }) => ipv6).find(Boolean);
  return address === undefined ? null : { address, port };
}

/**
 * Where the host reaches what a container publishes of a port; null: nowhere, or at a port that the engine chooses.
 *
 * By an address of the host on the container's network: what goes there takes the way of what comes from outside, and
 * not that of loopback, where the engine's proxy answers.
 */
export function placeOutside(view: ContainerView, containerPort: number): Place | null {
  if (view.networkMode === 'host') return placeInside(view, containerPort);
  for (const { HostIp, HostPort } of view.portBindings[`${containerPort}/tcp`] ?? []) {
    const port = /^\d{1,5}$/.test(HostPort) ? Number(HostPort) : 0;
    if (port === 0) continue;
    const isAny = HostIp === '' || HostIp === '0.0.0.0' || HostIp === '::';
    if (!isAny && isIP(HostIp) !== 0) return { address: HostIp, port };
    const gateway = view.networks.map((network) => network.gateway).find(Boolean);
    return { address: gateway ?? LOOPBACK, port };
  }
  return null;
}
