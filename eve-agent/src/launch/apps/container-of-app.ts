// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, EndpointSettings } from '../engine/container-spec.ts';
import { INTERFACE_NAME } from '../engine/several-networks.ts';
import type { AppIntent, AppNetwork, HostBridge } from './app-intent.ts';

export type ContainerIntent = Extract<AppIntent, { readonly kind: 'container' }>;

/** On which bridges it is, and with which addresses of theirs: with others it is another container. */
export const BRIDGES_LABEL = 'io.local-datastore.bridges';
const NANO = 1e9;

/** The engine's network for a bridge of this host. */
export const networkName = (bridge: HostBridge): string => `eve_${bridge.name}`;

/** The engine's volume for a blank one: another generation is another volume. */
export const volumeName = (appUuid: string, volumeUuid: string, generation: number): string =>
  `eve_${appUuid}_${volumeUuid.toLowerCase()}_${generation}`;

/** As the label has it. */
export const bridgesText = (networks: readonly AppNetwork[]): string =>
  networks.map(({ bridge: { name, cidr } }) => `${name}=${cidr}`).join(' ');

/** How a container is attached to one bridge of several: the first is `eth0`, and the way out. */
function placeOf(i: number, count: number): EndpointSettings {
  if (count < 2) return {};
  return { DriverOpts: { [INTERFACE_NAME]: `eth${i}` }, ...(i < count - 1 && { GwPriority: count - 1 - i }) };
}

function networkOf(networks: readonly AppNetwork[]): Pick<
  ContainerSpec,
  'MacAddress' | 'NetworkingConfig'
> & {
  readonly NetworkMode: string;
} {
  const [first] = networks;
  if (first === undefined) return { NetworkMode: 'none' };
  const endpoints = networks.map(({ bridge, address, mac }, i) => {
    const endpoint: EndpointSettings = {
      ...(address !== null && { IPAMConfig: { IPv4Address: address } }),
      ...(mac !== null && { MacAddress: mac }),
      ...placeOf(i, networks.length),
    };
    return [networkName(bridge), endpoint] as const;
  });
  return {
    NetworkMode: networkName(first.bridge),
    NetworkingConfig: { EndpointsConfig: Object.fromEntries(endpoints) },
    ...(first.mac !== null && { MacAddress: first.mac }),
  };
}

/**
 * The container of an app: what its configuration says over what its arguments say.
 *
 * @param base from its arguments
 */
export function containerOfApp(intent: ContainerIntent, base: ContainerSpec): ContainerSpec {
  const { NetworkMode, ...networking } = networkOf(intent.networks);
  const ports = intent.networks
    .flatMap(({ portMaps }) => portMaps)
    .map(
      ({ protocol, hostPort, appPort }) =>
        [`${appPort}/${protocol}`, { HostIp: '', HostPort: String(hostPort) }] as const,
    );
  const bindings = new Map(Object.entries(base.HostConfig.PortBindings ?? {}));
  for (const [port, binding] of ports) bindings.set(port, [...(bindings.get(port) ?? []), binding]);
  const mounts = intent.volumes.map(({ volume, mountDir }) => ({
    Type: 'volume' as const,
    Source: volumeName(intent.uuid, volume.uuid, volume.generationCount),
    Target: mountDir,
    ReadOnly: volume.readonly,
  }));
  const environment = new Map(
    (base.Env ?? []).map((variable) => [variable.split('=', 1)[0] ?? '', variable] as const),
  );
  for (const [name, value] of intent.environment) environment.set(name, `${name}=${value}`);
  const { memoryBytes, cpuCount, startDelayMs } = intent;
  return {
    ...base,
    Env: [...environment.values()],
    ExposedPorts: { ...base.ExposedPorts, ...Object.fromEntries(ports.map(([port]) => [port, {}])) },
    HostConfig: {
      ...base.HostConfig,
      NetworkMode,
      PortBindings: Object.fromEntries(bindings),
      ...(mounts.length > 0 && { Mounts: [...(base.HostConfig.Mounts ?? []), ...mounts] }),
      ...(memoryBytes !== null && { Memory: memoryBytes }),
      ...(cpuCount !== null && { NanoCpus: cpuCount * NANO }),
      // An engine knows of no delay: it would start it at once when the host starts.
      ...(startDelayMs > 0 && { RestartPolicy: { Name: 'no' as const } }),
    },
    ...networking,
    ...(intent.networks.length > 0 && {
      Labels: { ...base.Labels, [BRIDGES_LABEL]: bridgesText(intent.networks) },
    }),
  };
}
