// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, HostConfig, Mount } from '../engine/container-spec.ts';
import { isWithin } from './grammar/paths.ts';
import { bindSource, type HostPaths, showsEngineSocket } from './host-paths.ts';
import type { RunArguments } from './parse.ts';

/** What `allow` of a configuration may hold. */
export const PERMISSION_NAMES = [
  ...(['annotation', 'cap-add', 'cgroup-parent', 'cgroupns', 'device', 'device-cgroup-rule'] as const),
  ...(['docker-socket', 'gpus', 'host-path', 'ipc', 'link', 'log-driver', 'network', 'pid'] as const),
  ...(['privileged', 'runtime', 'security-opt', 'userns', 'uts', 'volume-driver', 'volumes-from'] as const),
] as const;
export type PermissionName = (typeof PERMISSION_NAMES)[number];

/** What a deployment may. Nothing is granted by itself. */
export interface Permissions {
  readonly allow: ReadonlySet<string>;
  /** Paths of the host that may be mounted, with all below them. */
  readonly allowedHostPaths: readonly string[];
}

/** What arguments need and a deployment has not. */
export interface MissingPermission {
  /** As `--volume`. */
  readonly flag: string;
  /** What of it; never a secret. */
  readonly value: string;
  readonly permission: PermissionName;
}

/** A need that `allow` alone meets. */
type Need = MissingPermission;

type Judge<Value> = 'harmless' | ((value: Value) => readonly Need[]);

const need = (permission: PermissionName, flag: string, value: string): Need => ({ permission, flag, value });

/** Always needed where there is a value. */
const always =
  (permission: PermissionName, flag = `--${permission}`): ((value: string) => readonly Need[]) =>
  (value) =>
    value === '' ? [] : [need(permission, flag, value)];

const each =
  (permission: PermissionName, flag = `--${permission}`) =>
  (values: readonly string[]): readonly Need[] =>
    values.map((value) => need(permission, flag, value));

/** Needed for all but these. */
const except =
  (harmless: readonly string[], permission: PermissionName, flag = `--${permission}`) =>
  (value: string): readonly Need[] =>
    harmless.includes(value) ? [] : [need(permission, flag, value)];

/** They write to files of the engine's own and to its journal. */
const LOCAL_LOG_DRIVERS = ['', 'none', 'local', 'json-file', 'journald'];
/** Of these drivers; other options name addresses, sockets and files, which the engine opens with its own rights. */
const LOCAL_LOG_OPTIONS = new Set([
  ...['cache-compress', 'cache-disabled', 'cache-max-file', 'cache-max-size', 'compress', 'env', 'env-regex'],
  ...['labels', 'labels-regex', 'max-buffer-size', 'max-file', 'max-size', 'mode', 'tag'],
]);

function judgeLog({ Type, Config }: NonNullable<HostConfig['LogConfig']>): readonly Need[] {
  const options = Object.keys(Config).filter((name) => !LOCAL_LOG_OPTIONS.has(name));
  return [
    ...except(LOCAL_LOG_DRIVERS, 'log-driver')(Type),
    ...options.map((name) => need('log-driver', '--log-opt', name)),
  ];
}

/** Of a driver; others may be credentials. */
const SHOWN_OPTIONS = ['type', 'device'];

/** The driver of a volume is told by options what to mount: also a folder of the host. */
function judgeMount({ Type, Target, VolumeOptions }: Mount): readonly Need[] {
  if (Type !== 'volume' || VolumeOptions?.DriverConfig === undefined) return [];
  const { Name = 'local', Options = {} } = VolumeOptions.DriverConfig;
  const options = Object.entries(Options).map(([name, value]) =>
    SHOWN_OPTIONS.includes(name) ? `volume-opt=${name}=${value}` : `volume-opt=${name}`,
  );
  const said = [...(Name === 'local' ? [] : [`volume-driver=${Name}`]), ...options];
  return said.map((value) => need('volume-driver', '--mount', `target=${Target},${value}`));
}

/** That takes rights away, and gives none. */
const HARMLESS_SECURITY = ['no-new-privileges', 'no-new-privileges=true', 'no-new-privileges:true'];

/**
 * Every field, since one that nobody judged would be a way round all others: the type demands it. Host paths are
 * judged by themselves.
 */
const JUDGES: { readonly [Field in keyof Required<HostConfig>]: Judge<Required<HostConfig>[Field]> } = {
  Annotations: (values) => Object.keys(values).map((name) => need('annotation', '--annotation', name)),
  Binds: 'harmless',
  BlkioDeviceReadBps: 'harmless',
  BlkioDeviceReadIOps: 'harmless',
  BlkioDeviceWriteBps: 'harmless',
  BlkioDeviceWriteIOps: 'harmless',
  BlkioWeight: 'harmless',
  BlkioWeightDevice: 'harmless',
  CapAdd: each('cap-add'),
  CapDrop: 'harmless',
  CgroupParent: always('cgroup-parent'),
  CgroupnsMode: except(['', 'private'], 'cgroupns'),
  CpuPeriod: 'harmless',
  CpuQuota: 'harmless',
  CpuRealtimePeriod: 'harmless',
  CpuRealtimeRuntime: 'harmless',
  CpuShares: 'harmless',
  CpusetCpus: 'harmless',
  CpusetMems: 'harmless',
  DeviceCgroupRules: each('device-cgroup-rule'),
  DeviceRequests: (requests) =>
    requests.map(({ Driver, DeviceIDs = [], Count = 0 }) =>
      Driver === 'cdi'
        ? need('device', '--device', DeviceIDs.join(' '))
        : need(
            'gpus',
            '--gpus',
            DeviceIDs.length > 0 ? DeviceIDs.join(',') : Count === -1 ? 'all' : String(Count),
          ),
    ),
  Devices: (devices) => devices.map(({ PathOnHost }) => need('device', '--device', PathOnHost)),
  Dns: 'harmless',
  DnsOptions: 'harmless',
  DnsSearch: 'harmless',
  ExtraHosts: 'harmless',
  GroupAdd: 'harmless',
  Init: 'harmless',
  IpcMode: except(['', 'none', 'private'], 'ipc'),
  Links: each('link'),
  LogConfig: judgeLog,
  MaskedPaths: () => [need('security-opt', '--security-opt', 'systempaths=unconfined')],
  Memory: 'harmless',
  MemoryReservation: 'harmless',
  MemorySwap: 'harmless',
  MemorySwappiness: 'harmless',
  Mounts: (mounts) => mounts.flatMap(judgeMount),
  NanoCpus: 'harmless',
  NetworkMode: (mode) =>
    mode === 'host' || mode.startsWith('container:') ? [need('network', '--network', mode)] : [],
  OomKillDisable: 'harmless',
  OomScoreAdj: 'harmless',
  PidMode: always('pid'),
  PidsLimit: 'harmless',
  PortBindings: 'harmless',
  Privileged: (isOn) => (isOn ? [need('privileged', '--privileged', 'true')] : []),
  PublishAllPorts: 'harmless',
  // Said with MaskedPaths, by the same flag.
  ReadonlyPaths: 'harmless',
  ReadonlyRootfs: 'harmless',
  RestartPolicy: 'harmless',
  Runtime: always('runtime'),
  SecurityOpt: (options) => options.flatMap(except(HARMLESS_SECURITY, 'security-opt')),
  ShmSize: 'harmless',
  StorageOpt: 'harmless',
  Sysctls: 'harmless',
  Tmpfs: 'harmless',
  Ulimits: 'harmless',
  UsernsMode: always('userns'),
  UTSMode: always('uts'),
  VolumeDriver: except(['', 'local'], 'volume-driver'),
  VolumesFrom: each('volumes-from'),
};

function judgeField<Field extends keyof HostConfig>(host: HostConfig, field: Field): readonly Need[] {
  const judge = JUDGES[field];
  const value = host[field];
  return judge === 'harmless' || value === undefined ? [] : judge(value as Required<HostConfig>[Field]);
}

interface UsedPath {
  readonly flag: string;
  readonly path: string;
  readonly value: string;
}

function usedPaths({ container, files }: RunArguments): UsedPath[] {
  const { Binds = [], Mounts = [] } = container.HostConfig;
  return [
    ...Binds.map((bind) => ({ flag: '--volume', path: bindSource(bind), value: bind })),
    ...Mounts.filter(({ Type }) => Type === 'bind').map(({ Source = '', Target }) => ({
      ...{ flag: '--mount', path: Source, value: `source=${Source},target=${Target}` },
    })),
    ...files.map(({ flag, path }) => ({ flag, path, value: path })),
  ].filter((used): used is UsedPath => used.path !== null);
}

/** A path that was not looked up is as bad as can be. */
function judgePath({ flag, path, value }: UsedPath, allowed: readonly string[], host: HostPaths): Need[] {
  const real = host.real.get(path) ?? '/';
  const isAllowed =
    host.real.has(path) && allowed.some((folder) => isWithin(real, host.real.get(folder) ?? folder));
  return [
    ...(isAllowed ? [] : [need('host-path', flag, value)]),
    ...(showsEngineSocket(real, host) ? [need('docker-socket', flag, value)] : []),
  ];
}

/** Links of one network are those of the container, which are judged; a profile in a file is an option like others. */
function judgeRest({ files }: RunArguments): readonly Need[] {
  return files
    .filter(({ kind }) => kind === 'seccomp')
    .map(({ flag, path }) => need('security-opt', flag, `seccomp=${path}`));
}

/** Joining a network of the host or of another container counts, whichever of several it is. */
function judgeEndpoints({ NetworkingConfig }: Omit<ContainerSpec, 'Image'>): readonly Need[] {
  return Object.keys(NetworkingConfig?.EndpointsConfig ?? {})
    .filter((name) => name === 'host' || name.startsWith('container:'))
    .map((name) => need('network', '--network', name));
}

/**
 * What arguments need that is not granted: what reaches the host, or another container.
 *
 * @param hostPaths where their paths lead, by `lookUpHostPaths`
 * @returns nothing where all is granted
 */
export function findMissingPermissions(
  args: RunArguments,
  granted: Permissions,
  hostPaths: HostPaths,
): MissingPermission[] {
  const { container } = args;
  const fields = Object.keys(container.HostConfig) as (keyof HostConfig)[];
  const needs = [
    ...fields.flatMap((field) => judgeField(container.HostConfig, field)),
    ...judgeEndpoints(container),
    ...judgeRest(args),
    ...usedPaths(args).flatMap((path) => judgePath(path, granted.allowedHostPaths, hostPaths)),
  ];
  const seen = new Set<string>();
  return needs.filter((one) => {
    const text = JSON.stringify(one);
    const isNew = !seen.has(text);
    seen.add(text);
    return isNew && !granted.allow.has(one.permission);
  });
}
