// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, EndpointSettings, HostConfig, Mount } from '../engine/container-spec.ts';

/** `SOURCE:TARGET[:MODE]`; without a source it is an anonymous volume, which each container has its own of. */
function isSharedBind(bind: string): boolean {
  const [, target, mode = ''] = bind.split(':');
  return target !== undefined && !mode.split(',').includes('ro');
}

const isSharedMount = ({ Type, Source, ReadOnly }: Mount) =>
  (Type === 'bind' || Type === 'volume') && !!Source && ReadOnly !== true;

/** Modes of namespaces that two would share, with the host or with a third. */
const isJoined = (mode: string | undefined) => mode === 'host' || (mode ?? '').startsWith('container:');

const hasFixedAddress = ({ IPAMConfig, MacAddress }: EndpointSettings) =>
  !!IPAMConfig?.IPv4Address || !!IPAMConfig?.IPv6Address || !!MacAddress;

function hasDevices({ Devices, DeviceRequests, DeviceCgroupRules, Privileged }: HostConfig): boolean {
  return (
    Privileged === true ||
    [Devices, DeviceRequests, DeviceCgroupRules].some((list) => list !== undefined && list.length > 0)
  );
}

/**
 * Whether there can be only one container of this kind at a time, since two would write the same files, want the same
 * device, or have the same address.
 *
 * Pure. What is read-only, memory, or a volume of its own is no reason; published ports are none either, as the
 * candidate is made without them.
 */
export function isExclusive({
  HostConfig: host,
  NetworkingConfig,
  MacAddress,
  Machine,
}: ContainerSpec): boolean {
  const endpoints = Object.values(NetworkingConfig?.EndpointsConfig ?? {});
  return (
    // It would boot twice, and want its memory twice.
    Machine !== undefined ||
    (host.Binds ?? []).some(isSharedBind) ||
    (host.Mounts ?? []).some(isSharedMount) ||
    (host.VolumesFrom ?? []).some((from) => !from.endsWith(':ro')) ||
    hasDevices(host) ||
    [host.NetworkMode, host.PidMode, host.IpcMode, host.UTSMode].some(isJoined) ||
    !!MacAddress ||
    endpoints.some(hasFixedAddress)
  );
}
