// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import type { ContainerView } from '../engine/container-engine.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
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

/**
 * Where a version is reached that has the address of the one before: one that its network gives to nobody else; null:
 * it has none, or another one.
 */
export function placeKept(serving: ContainerView, next: ContainerSpec, port: number): Place | null {
  const endpoints = Object.values(next.NetworkingConfig?.EndpointsConfig ?? {});
  const fixed = endpoints.flatMap(({ IPAMConfig }) => IPAMConfig?.IPv4Address ?? []);
  const address = fixed.find((each) => serving.networks.some(({ ipv4 }) => ipv4 === each));
  return address === undefined ? null : { address, port };
}
