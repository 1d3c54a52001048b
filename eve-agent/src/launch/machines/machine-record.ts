// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type {
  ContainerSpec,
  EndpointSettings,
  MachinePort,
  RestartPolicy,
} from '../engine/container-spec.ts';
import { DISK_FORMATS } from './machine-engine-contract.ts';
import { refused } from './refused.ts';
import { isInterfaceName } from './tap-device.ts';

const textMap = z.record(z.string(), z.string());
const policySchema = z
  .object({
    Name: z.enum(['', 'no', 'always', 'on-failure', 'unless-stopped']),
    MaximumRetryCount: z.int().min(0).optional(),
  })
  .transform(
    ({ Name, MaximumRetryCount: count }): RestartPolicy =>
      count === undefined ? { Name } : { Name, MaximumRetryCount: count },
  );

/** As far as a machine is made of it; the rest is kept as it came. */
const specSchema = z.looseObject({
  Image: z.string(),
  Labels: textMap.optional(),
  HostConfig: z.looseObject({}),
});

/** What is known of a machine, in one file in its folder. */
export const machineRecordSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  /** Which user it runs as, counted from the first of the range. */
  slot: z.int().min(0),
  imageId: z.string(),
  format: z.enum(DISK_FORMATS),
  spec: specSchema.transform((spec) => spec as unknown as ContainerSpec),
  restart: policySchema,
  /** It was started, and nobody has stopped it since. */
  isWanted: z.boolean(),
  /** Its process was there when this was written. */
  isLive: z.boolean(),
  /** The boot of the host in which it was given up; null: it is not. */
  gaveUpIn: z.string().nullable(),
  /** RFC 3339; '' while it was never started. */
  startedAt: z.string(),
  exitCode: z.int(),
  error: z.string(),
  restartCount: z.int(),
});
export type MachineRecord = z.output<typeof machineRecordSchema>;

export interface MachineVolumeFacts {
  readonly name: string;
  readonly image: string | null;
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
}

/** What the process of a machine is to be, of what is wanted of it. */
export interface MachineFacts {
  readonly memoryMib: number;
  readonly cpus: number;
  readonly networks: readonly {
    readonly bridge: string;
    readonly address: string;
    readonly mac: string | null;
  }[];
  /** Of this host, none twice. */
  readonly ports: readonly MachinePort[];
  readonly volumes: readonly MachineVolumeFacts[];
  /** The volume that is the disk of its image; null: it has one of its own. */
  readonly root: MachineVolumeFacts | null;
  /** 0: as large as its image. */
  readonly diskBytes: number;
  readonly firmware: 'bios' | 'uefi' | null;
  readonly stopSeconds: number;
}

const MIB = 1024 * 1024;
const MIN_MEMORY_MIB = 16;
const MAX_MEMORY_MIB = 16 * 1024 * 1024;
const MAX_CPUS = 255;
const MAX_VOLUMES = 16;
const MAX_NETWORKS = 8;
const MAX_PORTS = 128;
const MAX_PORT = 65_535;
const MAX_DISK_BYTES = 64 * 1024 ** 4;
const NANO = 1e9;
/** A guest that is asked to end may have much to write. */
const DEFAULT_STOP_SECONDS = 60;
const MAX_STOP_SECONDS = 3600;
const VOLUME_NAME = /^[A-Za-z0-9][\w.-]{0,199}$/;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
const IPV4 = /^(?:\d{1,3}(?:\.\d{1,3}){3})?$/;
/** Machine names are those of containers. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}$/;

export const isMachineName = (name: string): boolean => NAME.test(name);

function sizeOf(what: string, bytes: number | undefined): number {
  if (bytes === undefined) return 0;
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > MAX_DISK_BYTES) {
    throw refused(422, `${what} cannot have ${bytes} bytes`);
  }
  return bytes;
}

function networksOf({ HostConfig, NetworkingConfig, MacAddress }: ContainerSpec): MachineFacts['networks'] {
  const endpoints = Object.entries(NetworkingConfig?.EndpointsConfig ?? {});
  const { NetworkMode: mode = 'none' } = HostConfig;
  const unnamed: [string, EndpointSettings][] = mode === 'none' ? [] : [[mode, {}]];
  const named = endpoints.length > 0 ? endpoints : unnamed;
  if (named.length > MAX_NETWORKS) throw refused(422, `a machine has at most ${MAX_NETWORKS} networks`);
  return named.map(([bridge, endpoint], index) => {
    const mac = (endpoint.MacAddress ?? (index === 0 ? MacAddress : undefined))
      ?.toLowerCase()
      .replaceAll('-', ':');
    const address = endpoint.IPAMConfig?.IPv4Address ?? '';
    if (!isInterfaceName(bridge)) throw refused(422, `"${bridge}" cannot be the name of a bridge`);
    if (mac !== undefined && !MAC.test(mac)) throw refused(422, `"${mac}" is no MAC address`);
    if (!IPV4.test(address)) throw refused(422, `"${address}" is no IPv4 address`);
    return { bridge, address, mac: mac ?? null };
  });
}

function volumesOf({ Machine }: ContainerSpec): MachineVolumeFacts[] {
  const volumes = Machine?.Volumes ?? [];
  if (volumes.length > MAX_VOLUMES) throw refused(422, `a machine has at most ${MAX_VOLUMES} volumes`);
  if (new Set(volumes.map(({ Name }) => Name)).size < volumes.length) {
    throw refused(422, 'a machine cannot have one volume twice');
  }
  return volumes.map(({ Name, Image, Size, ReadOnly }) => {
    if (!VOLUME_NAME.test(Name)) throw refused(422, `"${Name}" cannot be the name of a volume`);
    const sizeBytes = sizeOf(`the volume ${Name}`, Size);
    if (Image === undefined && sizeBytes === 0) throw refused(422, `the blank volume ${Name} needs a size`);
    return { name: Name, image: Image ?? null, sizeBytes, isReadOnly: ReadOnly === true };
  });
}

const isPort = (port: number) => Number.isInteger(port) && port > 0 && port <= MAX_PORT;

function portsOf(ports: readonly MachinePort[], networks: number): readonly MachinePort[] {
  if (ports.length > MAX_PORTS)
    throw refused(422, `at most ${MAX_PORTS} ports of the host lead into a machine`);
  const taken = new Set<string>();
  for (const { Protocol, HostPort, Port, Network } of ports) {
    const key = `${Protocol} port ${HostPort}`;
    if (!['tcp', 'udp'].includes(Protocol) || !isPort(HostPort) || !isPort(Port)) {
      throw refused(422, `the ${key} cannot lead to the port ${Port} of a machine`);
    }
    if (!Number.isInteger(Network) || Network < 0 || Network >= networks) {
      throw refused(422, `the ${key} leads to a network that the machine is not on`);
    }
    if (taken.has(key)) throw refused(422, `the ${key} leads to two places`);
    taken.add(key);
  }
  return ports;
}

function rootOf({ Image, Machine }: ContainerSpec, sizeBytes: number): MachineVolumeFacts | null {
  const name = Machine?.RootVolume;
  if (name === undefined) return null;
  if (!VOLUME_NAME.test(name)) throw refused(422, `"${name}" cannot be the name of a volume`);
  return { name, image: Image, sizeBytes, isReadOnly: false };
}

/** All volumes of a machine, that of its image first. */
export const allVolumes = ({ root, volumes }: MachineFacts): readonly MachineVolumeFacts[] =>
  root === null ? volumes : [root, ...volumes];

/**
 * Reads what is wanted of a machine.
 *
 * Pure.
 *
 * @throws EngineError 422 for what a machine cannot be or have
 */
export function readMachineFacts(spec: ContainerSpec): MachineFacts {
  const { HostConfig: host, Machine: parts = {} } = spec;
  if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true) {
    throw refused(422, 'ports of a machine are published by its own part (Machine.Ports)');
  }
  if ((host.Binds ?? []).length > 0 || (host.Mounts ?? []).length > 0 || (host.Devices ?? []).length > 0) {
    throw refused(422, 'a machine has disks: no folder and no device of the host can be mounted in it');
  }
  const memoryMib = Math.ceil((host.Memory ?? 0) / MIB);
  if (!(memoryMib >= MIN_MEMORY_MIB && memoryMib <= MAX_MEMORY_MIB)) {
    throw refused(422, `a machine needs from ${MIN_MEMORY_MIB} MiB of memory, and is given ${memoryMib}`);
  }
  const cpus = Math.max(1, Math.ceil((host.NanoCpus ?? 0) / NANO));
  if (!(cpus <= MAX_CPUS)) throw refused(422, `a machine has at most ${MAX_CPUS} processors`);
  const wantedStop = spec.StopTimeout ?? DEFAULT_STOP_SECONDS;
  const diskBytes = sizeOf('the disk', parts.DiskSize);
  const root = rootOf(spec, diskBytes);
  const volumes = volumesOf(spec);
  if (volumes.some(({ name }) => name === root?.name)) {
    throw refused(422, 'a machine cannot have one volume twice');
  }
  const networks = networksOf(spec);
  const ports = portsOf(parts.Ports ?? [], networks.length);
  return {
    ...{ memoryMib, cpus, networks, ports, root, volumes, diskBytes },
    firmware: parts.Firmware ?? null,
    stopSeconds: wantedStop < 0 ? MAX_STOP_SECONDS : Math.min(wantedStop, MAX_STOP_SECONDS),
  };
}
