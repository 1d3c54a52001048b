// SPDX-License-Identifier: Apache-2.0
/** What the page reads of a container as its engine has it (Docker's Engine API, `/containers/{id}/json`). */
export interface ContainerDocument {
  readonly Name?: string;
  readonly RestartCount?: number;
  readonly State?: { readonly ExitCode?: number; readonly OOMKilled?: boolean };
  readonly HostConfig?: {
    readonly NetworkMode?: string;
    readonly PortBindings?: Readonly<Record<string, readonly PortBinding[] | null>> | null;
  };
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string }>> | null;
  };
  readonly Mounts?: readonly { readonly Source?: string; readonly Destination?: string }[];
}

interface PortBinding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

/** Ports of the device that are led into it, as `8080 → 80/tcp`. */
export function containerPorts({ HostConfig }: ContainerDocument): string[] {
  return Object.entries(HostConfig?.PortBindings ?? {}).flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ HostIp = '', HostPort = '' }) => {
      const address = HostIp === '' || HostIp === '0.0.0.0' || HostIp === '::' ? '' : `${HostIp}:`;
      return `${address}${HostPort || 'any'} → ${port}`;
    }),
  );
}

/** Its addresses, with the network of each. */
export const containerAddresses = ({ NetworkSettings }: ContainerDocument): string[] =>
  Object.entries(NetworkSettings?.Networks ?? {}).flatMap(([network, { IPAddress = '' }]) =>
    IPAddress === '' ? [] : [`${IPAddress} on ${network}`],
  );

/** What of the host stands where in it. */
export const containerMounts = ({ Mounts }: ContainerDocument): string[] =>
  (Mounts ?? []).map(({ Source = '', Destination = '' }) => `${Source} → ${Destination}`);
