// SPDX-License-Identifier: Apache-2.0
/**
 * The body of `POST /containers/create` of Docker's engine (API 1.41 to 1.48), as far as the arguments of `docker run`
 * reach it. What is absent is the engine's or the image's own.
 */

/** Nanoseconds, as all times of a health check. Zero: the image's, or else the engine's own. */
export interface HealthConfig {
  /** `['NONE']`: none, also where the image has one. Empty: the image's. */
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  /** API 1.44. */
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** Where a port of the container is reached. An empty port: one that the engine chooses; `8000-8010`: one of these. */
export interface PortBinding {
  /** Empty: all addresses of the host. */
  readonly HostIp: string;
  readonly HostPort: string;
}

export interface RestartPolicy {
  readonly Name: '' | 'no' | 'always' | 'on-failure' | 'unless-stopped';
  readonly MaximumRetryCount?: number;
}

export interface DeviceMapping {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  /** Of `r`, `w` and `m`. */
  readonly CgroupPermissions: string;
}

export interface DeviceRequest {
  readonly Driver?: string;
  /** -1: all. */
  readonly Count?: number;
  readonly DeviceIDs?: readonly string[];
  readonly Capabilities?: readonly (readonly string[])[];
  readonly Options?: Readonly<Record<string, string>>;
}

export interface ThrottleDevice {
  readonly Path: string;
  /** Bytes or operations a second. */
  readonly Rate: number;
}

export interface WeightDevice {
  readonly Path: string;
  readonly Weight: number;
}

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

export interface Mount {
  readonly Type: 'bind' | 'volume' | 'tmpfs' | 'image';
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: {
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
    readonly ReadOnlyNonRecursive?: boolean;
    readonly ReadOnlyForceRecursive?: boolean;
  };
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly Subpath?: string;
    readonly DriverConfig?: { readonly Name?: string; readonly Options?: Readonly<Record<string, string>> };
  };
  readonly ImageOptions?: { readonly Subpath?: string };
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number };
}

export interface EndpointSettings {
  readonly Aliases?: readonly string[];
  readonly Links?: readonly string[];
  readonly DriverOpts?: Readonly<Record<string, string>>;
  readonly IPAMConfig?: {
    readonly IPv4Address?: string;
    readonly IPv6Address?: string;
    readonly LinkLocalIPs?: readonly string[];
  };
  readonly MacAddress?: string;
  /** API 1.48. */
  readonly GwPriority?: number;
}

/** What of a container depends on the host. Sizes are bytes; `NanoCpus` are billionths of a core. */
export interface HostConfig {
  readonly Annotations?: Readonly<Record<string, string>>;
  /** `SOURCE:TARGET[:MODE]`. */
  readonly Binds?: readonly string[];
  readonly BlkioDeviceReadBps?: readonly ThrottleDevice[];
  readonly BlkioDeviceReadIOps?: readonly ThrottleDevice[];
  readonly BlkioDeviceWriteBps?: readonly ThrottleDevice[];
  readonly BlkioDeviceWriteIOps?: readonly ThrottleDevice[];
  readonly BlkioWeight?: number;
  readonly BlkioWeightDevice?: readonly WeightDevice[];
  readonly CapAdd?: readonly string[];
  readonly CapDrop?: readonly string[];
  readonly CgroupParent?: string;
  readonly CgroupnsMode?: string;
  readonly CpuPeriod?: number;
  readonly CpuQuota?: number;
  readonly CpuRealtimePeriod?: number;
  readonly CpuRealtimeRuntime?: number;
  readonly CpuShares?: number;
  readonly CpusetCpus?: string;
  readonly CpusetMems?: string;
  readonly DeviceCgroupRules?: readonly string[];
  readonly DeviceRequests?: readonly DeviceRequest[];
  readonly Devices?: readonly DeviceMapping[];
  readonly Dns?: readonly string[];
  readonly DnsOptions?: readonly string[];
  readonly DnsSearch?: readonly string[];
  /** `NAME:ADDRESS`. */
  readonly ExtraHosts?: readonly string[];
  readonly GroupAdd?: readonly string[];
  readonly Init?: boolean;
  readonly IpcMode?: string;
  readonly Links?: readonly string[];
  readonly LogConfig?: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
  /** Empty: none is masked. */
  readonly MaskedPaths?: readonly string[];
  readonly Memory?: number;
  readonly MemoryReservation?: number;
  /** -1: as much as there is. */
  readonly MemorySwap?: number;
  readonly MemorySwappiness?: number;
  readonly Mounts?: readonly Mount[];
  readonly NanoCpus?: number;
  readonly NetworkMode?: string;
  readonly OomKillDisable?: boolean;
  readonly OomScoreAdj?: number;
  readonly PidMode?: string;
  readonly PidsLimit?: number;
  /** By `PORT/PROTOCOL`. */
  readonly PortBindings?: Readonly<Record<string, readonly PortBinding[]>>;
  readonly Privileged?: boolean;
  readonly PublishAllPorts?: boolean;
  /** Empty: none is read-only. */
  readonly ReadonlyPaths?: readonly string[];
  readonly ReadonlyRootfs?: boolean;
  readonly RestartPolicy?: RestartPolicy;
  readonly Runtime?: string;
  readonly SecurityOpt?: readonly string[];
  readonly ShmSize?: number;
  readonly StorageOpt?: Readonly<Record<string, string>>;
  readonly Sysctls?: Readonly<Record<string, string>>;
  /** Options by path. */
  readonly Tmpfs?: Readonly<Record<string, string>>;
  readonly Ulimits?: readonly Ulimit[];
  readonly UsernsMode?: string;
  readonly UTSMode?: string;
  readonly VolumeDriver?: string;
  readonly VolumesFrom?: readonly string[];
}

/** A disk of a virtual machine beside that of its image. It goes with the last machine that has it. */
export interface MachineVolume {
  /** Of letters, digits, `_`, `.` and `-`; the same for the machine that takes this one's place. */
  readonly Name: string;
  /** A tag that it is made of, once; absent: it is blank. */
  readonly Image?: string;
  /** Bytes. One that is there and smaller is grown, one that is larger stays. */
  readonly Size?: number;
  readonly ReadOnly?: boolean;
}

/** What cloud-init finds on a drive `cidata` (NoCloud), each the text of a file. A secret may stand in it. */
export interface MachineSeed {
  readonly UserData: string;
  readonly MetaData: string;
  readonly NetworkConfig?: string;
}

/** A port of the host that leads into a virtual machine: at any address of the host. */
export interface MachinePort {
  readonly Protocol: 'tcp' | 'udp';
  readonly HostPort: number;
  readonly Port: number;
  /** At the address of which of its networks, from 0 on. */
  readonly Network: number;
}

/** What a virtual machine has that a container has not. */
export interface MachineParts {
  /**
   * The name of a volume that is the disk of its image: made of it where there is none, else taken over as it is.
   * Absent: the machine has a disk of its own, which is made anew with it.
   */
  readonly RootVolume?: string;
  /** Bytes of the disk of its image, which is grown to it; absent, or less: as large as the image. */
  readonly DiskSize?: number;
  /** Absent: `bios` where the processor has it, else `uefi`. */
  readonly Firmware?: 'bios' | 'uefi';
  /** In the order in which it has them, behind the disk of its image. */
  readonly Volumes?: readonly MachineVolume[];
  readonly Seed?: MachineSeed;
  readonly Ports?: readonly MachinePort[];
  /** When the host starts it is left as it is, until somebody starts it. */
  readonly IsLeftAtBoot?: boolean;
}

/** All that a container is made of. */
export interface ContainerSpec {
  readonly Image: string;
  readonly Cmd?: readonly string[];
  readonly Domainname?: string;
  /** `['']`: none, also where the image has one. */
  readonly Entrypoint?: readonly string[];
  readonly Env?: readonly string[];
  /** By `PORT/PROTOCOL`. */
  readonly ExposedPorts?: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly Healthcheck?: HealthConfig;
  readonly HostConfig: HostConfig;
  readonly Hostname?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  /** It is a virtual machine: only an engine of machines reads it. */
  readonly Machine?: MachineParts;
  /** That of the first network, for engines before API 1.44. */
  readonly MacAddress?: string;
  readonly NetworkingConfig?: { readonly EndpointsConfig: Readonly<Record<string, EndpointSettings>> };
  readonly OpenStdin?: boolean;
  readonly StopSignal?: string;
  /** Seconds. */
  readonly StopTimeout?: number;
  /** Its output is one stream, not framed, with lines that end in CR LF. */
  readonly Tty?: boolean;
  readonly User?: string;
  /** Anonymous volumes by path. */
  readonly Volumes?: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly WorkingDir?: string;
}
